import Hummingbird
import Logging
package import ServiceLifecycle
package import StageRuntime
import WebSockets

/// The stage that Twilio and API clients talk to.
package enum TwilioIngressStage: Stage {
    package static let name = "twilio-ingress"
    package static let adminPort = 9101
    package static let summary = "Places calls through Twilio and carries their Media Streams to and from Kafka."

    /// Twilio's messages are below 1 KiB.
    private static let maxMessageBytes = 64 << 10

    package static func configure(_ settings: inout Settings) -> IngressConfiguration {
        IngressConfiguration(&settings)
    }

    package static func services(
        _ configuration: IngressConfiguration,
        context: StageContext
    ) throws -> [any Service] {
        try self.services(configuration, context: context) { _ in }
    }

    package static func drainLimit(_ configuration: IngressConfiguration) -> Duration { configuration.drainLimit }

    /// - Parameter onBound: called with the HTTP port when the server listens.
    package static func services(
        _ configuration: IngressConfiguration,
        context: StageContext,
        onBound: @escaping @Sendable (Int) -> Void
    ) throws -> [any Service] {
        let parts = try IngressParts(configuration, context: context)
        return [
            parts.http, parts.eventProducer, parts.audioProducer, parts.claims, parts.queue,
            parts.outboundFrames,
            parts.clock,
            self.server(configuration, parts, onBound: onBound),
            // Services stop from the last to the first: the commands go to another instance at once, and while the drain
            // waits, all others go on.
            parts.drain, parts.commands,
        ]
    }

    private static func server(
        _ configuration: IngressConfiguration,
        _ parts: IngressParts,
        onBound: @escaping @Sendable (Int) -> Void
    ) -> HTTPServer {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: ProblemMiddleware())
        parts.voiceAPI.addRoutes(to: router)
        parts.control.addRoutes(to: router)
        let webhooks = parts.webhooks
        webhooks.addRoutes(to: router)
        let logger = parts.context.logger
        return HTTPServer(
            host: configuration.host,
            port: configuration.port,
            router: router,
            maxWebSocketMessageBytes: Self.maxMessageBytes,
            webSocketsOnEventLoop: true,
            logger: logger,
            onBound: { port in
                logger.info("Listening for HTTP and Media Streams", metadata: ["port": "\(port)"])
                onBound(port)
            },
            upgrade: { webhooks.upgrade($0) }
        )
    }
}
