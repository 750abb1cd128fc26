import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import WebSockets

/// `/healthz`: the process runs. `/readyz`: 200, or 503 with what it waits for. `/metrics`: Prometheus text.
struct AdminServer: Service {
    private let server: HTTPServer

    /// - Parameter onBound: called with the port when the server listens.
    init(
        host: String,
        port: Int,
        health: Health,
        metrics: MetricsRegistry,
        logger: Logger,
        onBound: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        let router = Router()
        router.get("healthz") { _, _ in Self.answer(.ok, "ok\n", type: "text/plain") }
        router.get("readyz") { _, _ in
            let waitingFor = health.waitingFor
            let list = waitingFor.map { "\"\($0)\"" }.joined(separator: ",")
            let body = #"{"ready":\#(waitingFor.isEmpty),"waitingFor":[\#(list)]}"# + "\n"
            return Self.answer(waitingFor.isEmpty ? .ok : .serviceUnavailable, body, type: "application/json")
        }
        router.get("metrics") { _, _ in
            Self.answer(
                .ok,
                metrics.exposition() + ProcessMetrics.exposition(),
                type: "text/plain; version=0.0.4; charset=utf-8"
            )
        }
        self.server = HTTPServer(host: host, port: port, router: router, logger: logger) { port in
            logger.info("Admin server listens", metadata: ["port": "\(port)"])
            onBound(port)
        }
    }

    func run() async throws {
        try await self.server.run()
    }

    private static func answer(_ status: HTTPResponse.Status, _ body: String, type: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body))
        )
    }
}
