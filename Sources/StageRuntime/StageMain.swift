/// Runs a stage as a process: `--help`, configuration (all problems at once, exit code 78), logging, metrics, the admin
/// server with `/healthz`, `/readyz` and `/metrics`, topics (created or checked), the stage's services, and a graceful
/// shutdown on SIGTERM and SIGINT.
package enum StageMain {
    package static func run<S: Stage>(_ stage: S.Type) async -> Never {
        fatalError("stub")
    }
}
