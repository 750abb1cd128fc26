import RealtimeSession
import StageRuntime

await StageMain.run(RealtimeSessionStage.self)
