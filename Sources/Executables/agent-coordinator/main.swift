import AgentCoordinator
import StageRuntime

await StageMain.run(AgentCoordinatorStage.self)
