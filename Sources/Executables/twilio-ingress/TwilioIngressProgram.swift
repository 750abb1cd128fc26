import StageRuntime
import TwilioIngress

@main
struct TwilioIngressProgram {
    static func main() async {
        await StageMain.run(TwilioIngressStage.self)
    }
}
