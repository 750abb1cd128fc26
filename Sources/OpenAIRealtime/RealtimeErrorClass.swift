/// What an error code of the Realtime service calls for. Codes are matched, never messages.
package enum RealtimeErrorClass: String, Sendable, CaseIterable {
    /// A race that the protocol makes possible: nothing to do.
    case harmless
    /// Ours: logged as a bug, the session goes on.
    case fault
    /// The account or the model: no other attempt can succeed.
    case fatal
    /// The session is over; a new one goes on.
    case expired
    /// Too much asked at once, or the service is unwell: worth another attempt.
    case load

    package init(code: String?, type: String = "") {
        self =
            switch code {
            case "response_cancel_not_active", "conversation_already_has_active_response",
                "input_audio_buffer_commit_empty", "item_truncate_invalid_item_id",
                "item_retrieve_invalid_item_id", "item_delete_invalid_item_id":
                .harmless
            case "invalid_api_key", "insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached",
                "account_deactivated", "model_not_found", "invalid_model", "missing_model",
                "beta_api_shape_disabled":
                .fatal
            case "session_expired": .expired
            case "rate_limit_exceeded", "server_error": .load
            case nil where type == "server_error": .load
            default: .fault
            }
    }
}
