import AudioTranscoder
import StageRuntime

await StageMain.run(AudioTranscoderStage.self)
