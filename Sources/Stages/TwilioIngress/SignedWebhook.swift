import CallEvents
import HTTPTypes
import Hummingbird
import NIOCore
import StageRuntime
import TwilioMedia

/// A request that Twilio has signed, with what it says.
struct SignedWebhook: Sendable {
    private static let maxBodyBytes = 64 << 10
    static let signatureHeader = HTTPField.Name("X-Twilio-Signature")!

    /// Of a posted form; empty otherwise.
    let form: FormFields
    let query: FormFields

    /// - Throws: `Problem` with status 403 when the signature is missing or wrong, 413 when the body is too long.
    init(_ request: Request, publicURL: PublicURL, signature: TwilioSignature) async throws {
        let body = try await request.limitedBody(upTo: Self.maxBodyBytes)
        let path = request.head.path ?? ""
        let (form, content) = Self.read(body, of: request)
        let given = request.headers[values: Self.signatureHeader]
        // Which of several was meant is nobody's guess.
        guard given.count == 1, signature.isValid(given[0], url: publicURL.webhook(path), content: content) else {
            throw Self.forbidden
        }
        self.form = form
        let query = path.firstIndex(of: "?").map { FormFields(parsing: String(path[path.index(after: $0)...])) }
        self.query = query ?? FormFields()
    }

    static let forbidden = Problem(.forbidden, "X-Twilio-Signature is missing or wrong.")

    /// A parameter: of the posted form, or of the query that Twilio asks with when the method is GET.
    subscript(name: String) -> String? { self.form[name] ?? self.query[name] }

    var callSid: CallSid? { self["CallSid"].flatMap(CallSid.init) }

    /// Only what is signed is read: nothing of a GET's body, and no fields from a body that is no form, of which Twilio
    /// signs the hash.
    private static func read(_ body: ByteBuffer, of request: Request) -> (FormFields, TwilioSignature.Content) {
        guard request.method == .post else { return (FormFields(), .none) }
        let type = (request.headers[.contentType] ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
        guard body.readableBytes == 0 || ["", "application/x-www-form-urlencoded"].contains(type) else {
            return (FormFields(), .body(body))
        }
        let form = FormFields(parsing: body.readableBytesView)
        return (form, .form(form))
    }
}
