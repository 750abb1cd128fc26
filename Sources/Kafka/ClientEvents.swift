import CRdKafka
import Glibc
import Logging

/// What happens to the events of a client's main queue: logs, errors, statistics, delivery reports.
struct ClientEvents: Sendable {
    let logger: Logger
    let metrics: ClientMetrics
    /// Called on the events thread with an event that holds delivery reports.
    var delivered: @Sendable (OpaquePointer) -> Void = { _ in }
    /// Called on the events thread when the records of such an event have left the queue.
    var madeRoom: @Sendable () -> Void = {}
    /// Called on the events thread when a group member has heard nothing from the broker for its session time-out.
    var sessionTimedOut: @Sendable () -> Void = {}
    /// Called on the events thread when the client cannot go on.
    var failed: @Sendable (KafkaError) -> Void = { _ in }

    /// Takes the event over.
    func handle(_ event: OpaquePointer, of client: OpaquePointer) {
        let type = rd_kafka_event_type(event)
        switch type {
        case RD_KAFKA_EVENT_DR: self.delivered(event)
        case RD_KAFKA_EVENT_LOG: self.log(event)
        case RD_KAFKA_EVENT_ERROR: self.error(event, of: client)
        case RD_KAFKA_EVENT_STATS: self.statistics(event)
        case RD_KAFKA_EVENT_OFFSET_COMMIT: self.committed(event)
        default: break
        }
        // Reported records count as queued until here.
        rd_kafka_event_destroy(event)
        if type == RD_KAFKA_EVENT_DR { self.madeRoom() }
    }

    private func log(_ event: OpaquePointer) {
        var facility: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        var level: Int32 = 7
        guard rd_kafka_event_log(event, &facility, &text, &level) == 0 else { return }
        let facilityName = facility.map { String(cString: $0) } ?? ""
        // Nothing else tells of it.
        if facilityName == "SESSTMOUT" { self.sessionTimedOut() }
        // librdkafka goes on by itself after most of what it calls an error: a warning here. What it tells about
        // properties of the other kind of client is expected, as all clients are given the user's properties. Broken
        // connections and fatal errors come as error events too.
        let mapped: Logger.Level =
            switch level {
            case _ where ["CONFWARN", "FAIL", "FATAL"].contains(facilityName): .debug
            case ...2: .error
            case 3...4: .warning
            case 5: .info
            case 6: .debug
            default: .trace
            }
        self.logger.log(
            level: mapped,
            "librdkafka",
            metadata: [
                "kafka.facility": "\(facilityName)",
                "kafka.text": "\(text.map { String(cString: $0) } ?? "")",
            ]
        )
    }

    private func error(_ event: OpaquePointer, of client: OpaquePointer) {
        // Not from the event's own code: that of a transactional producer is not marked as fatal.
        var reason = [CChar](repeating: 0, count: 512)
        let fatal = rd_kafka_fatal_error(client, &reason, reason.count)
        if fatal != RD_KAFKA_RESP_ERR_NO_ERROR {
            let error = KafkaError(fatal, String(nulTerminated: reason))
            self.logger.error("kafka client cannot go on", metadata: ["error": "\(error.message)"])
            return self.failed(error)
        }
        let text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? ""
        self.logger.warning("kafka error, librdkafka retries", metadata: ["error": "\(text)"])
    }

    private func statistics(_ event: OpaquePointer) {
        guard let text = rd_kafka_event_stats(event) else { return }
        let bytes = UnsafeRawBufferPointer(start: text, count: strlen(text))
        self.metrics.record(ClientStatistics(scanning: bytes))
    }

    private func committed(_ event: OpaquePointer) {
        let code = rd_kafka_event_error(event)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR, code != RD_KAFKA_RESP_ERR__NO_OFFSET else { return }
        // What is stored is committed with the next.
        let error = KafkaError(code, "commit")
        self.logger.log(
            level: error.mayPass ? .debug : .warning,
            "offsets not committed",
            metadata: ["error": "\(error.message)"]
        )
    }
}
