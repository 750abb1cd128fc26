import Kafka
import Logging
package import ResultsStore
package import ServiceLifecycle
package import StageRuntime
import WebSockets

/// results-sink: writes calls and results into the durable store, and answers questions about them over HTTP.
package enum ResultsSinkStage: Stage {
    package static let name = "results-sink"
    package static let adminPort = 9105
    package static let summary = "Keeps calls and results in a database and answers for them over HTTP."

    /// ## Configuration variables
    /// - `DATABASE_URL` (default `sqlite:///./lifehub-voice.sqlite`): Where calls and results are kept;
    ///   see `DatabaseURL`. Several instances need PostgreSQL.
    /// - `HTTP_HOST` (default `0.0.0.0`), `HTTP_PORT` (default 3002, 0 takes a free one): The HTTP read API.
    /// - `VOICE_API_TOKEN`, `VOICE_ALLOW_ANONYMOUS`: see `APITokens`.
    /// - `VOICE_ALLOWED_ORIGINS`: see `AllowedOrigins`.
    package struct Configuration: Sendable {
        package var database: DatabaseURL?
        package var httpHost: String
        package var httpPort: Int
        package var tokens: APITokens
        package var origins: AllowedOrigins

        package init(
            database: DatabaseURL?,
            httpHost: String,
            httpPort: Int,
            tokens: APITokens,
            origins: AllowedOrigins = AllowedOrigins([])
        ) {
            self.database = database
            self.httpHost = httpHost
            self.httpPort = httpPort
            self.tokens = tokens
            self.origins = origins
        }
    }

    private static let defaultDatabase = "sqlite:///./lifehub-voice.sqlite"

    package static func configure(_ settings: inout Settings) -> Configuration {
        let database = settings.optionalSecret(
            "DATABASE_URL",
            "The database: sqlite:/// and a path, which is absolute when it begins with another slash, or "
                + "postgresql://user:password@host:port/database?sslmode=…; default \(Self.defaultDatabase)."
        )
        var configuration = Configuration(
            database: nil,
            httpHost: settings.string("HTTP_HOST", default: "0.0.0.0", "Address of the HTTP read API."),
            httpPort: settings.int("HTTP_PORT", default: 3002, in: 0...65535, "Port of the HTTP read API."),
            tokens: APITokens(&settings),
            origins: AllowedOrigins(&settings)
        )
        do {
            configuration.database = try DatabaseURL(database ?? Self.defaultDatabase)
        } catch {
            settings.report("DATABASE_URL \(error.message).")
        }
        return configuration
    }

    package static func services(_ configuration: Configuration, context: StageContext) throws -> [any Service] {
        guard let database = configuration.database else { return [] }
        return try self.services(configuration, store: try DatabaseStore(database), context: context)
    }

    /// With a store of the caller's, such as one that fails on request.
    /// - Parameter onBound: called with the HTTP port when the server listens.
    package static func services(
        _ configuration: Configuration,
        store: any ResultsStore,
        context: StageContext,
        onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> [any Service] {
        let producer = try KafkaProducer(.events, configuration: context.kafka, logger: context.logger)
        let deadLetters = DeadLetters(
            producer: producer,
            topics: context.topics,
            stage: self.name,
            logger: context.logger
        )
        let logger = context.logger
        let reading = ReadStore(store: store, logger: logger)
        let watch = try CallWatch(store: reading, context: context)
        let routes =
            MonitorFiles.routes + LoginAPI(tokens: configuration.tokens).routes + ReadAPI(store: reading).routes
            + StreamAPI(watch: watch).routes
        let server = HTTPServer(
            host: configuration.httpHost,
            port: configuration.httpPort,
            router: Route.router(routes, tokens: configuration.tokens, origins: configuration.origins),
            logger: logger,
            onBound: { port in
                logger.info("HTTP API listens", metadata: ["port": "\(port)"])
                await onBound(port)
            }
        )
        // The streams end before the server waits for its connections.
        return [producer, try ResultsConsumer(store: store, deadLetters: deadLetters, context: context), server, watch]
    }
}
