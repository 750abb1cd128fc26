import Logging

extension CallRegistry {
    /// Makes an inbound call and has it run.
    /// - Throws: why nobody can call there.
    func receive(from caller: String, to number: String, script: CallScript? = nil) throws(APIError) -> SimulatedCall {
        let request = try CallRequest(
            from: caller,
            to: number,
            settings: self.numberSettings,
            ownedNumbers: self.ownedNumbers
        )
        return try self.create(request, direction: .inbound, script: script)
    }

    /// Has the script's people call when their time comes; runs until it is cancelled.
    func receiveScriptedCalls() async {
        await withDiscardingTaskGroup { group in
            while let calls = await self.scriptedCalls.next() {
                for call in calls {
                    group.addTask {
                        guard (try? await Task.sleep(for: .milliseconds(call.atMs))) != nil else { return }
                        do throws(APIError) {
                            _ = try self.receive(from: call.from, to: call.to)
                        } catch {
                            self.logger.warning("nobody can call there", metadata: ["error": "\(error.message)"])
                        }
                    }
                }
            }
            group.cancelAll()
        }
    }
}
