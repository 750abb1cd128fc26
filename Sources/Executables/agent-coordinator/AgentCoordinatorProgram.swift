import AgentCoordinator
import StageRuntime

@main
struct AgentCoordinatorProgram {
    static func main() async {
        await StageMain.run(AgentCoordinatorStage.self)
    }
}
