import AudioTranscoder
import StageRuntime

@main
struct AudioTranscoderProgram {
    static func main() async {
        await StageMain.run(AudioTranscoderStage.self)
    }
}
