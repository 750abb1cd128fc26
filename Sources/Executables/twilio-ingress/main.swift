import StageRuntime
import TwilioIngress

await StageMain.run(TwilioIngressStage.self)
