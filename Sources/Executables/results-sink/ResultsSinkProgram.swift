import ResultsSink
import StageRuntime

@main
struct ResultsSinkProgram {
    static func main() async {
        await StageMain.run(ResultsSinkStage.self)
    }
}
