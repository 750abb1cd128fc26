import RealtimeSession
import StageRuntime

@main
struct RealtimeSessionProgram {
    static func main() async {
        await StageMain.run(RealtimeSessionStage.self)
    }
}
