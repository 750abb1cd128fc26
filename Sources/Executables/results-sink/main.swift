import ResultsSink
import StageRuntime

await StageMain.run(ResultsSinkStage.self)
