package import CallEvents

extension CallRequested {
    /// Somebody called our number.
    package var isInbound: Bool { self.direction == "inbound" }
}
