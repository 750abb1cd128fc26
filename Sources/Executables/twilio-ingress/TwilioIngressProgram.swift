import TwilioIngress
import StageRuntime

@main
struct TwilioIngressProgram {
    static func main() async {
        await StageMain.run(TwilioIngressStage.self)
    }
}
