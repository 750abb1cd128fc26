extension Utterance {
    /// How fast speech is taken to be where nothing tells.
    package static let charactersPerSecond = 15

    /// What the person has heard of it: an interrupted reply ends where they cut it.
    package var heardText: String {
        guard self.interrupted else { return self.text }
        let count = self.text.count
        let heard =
            self.audioMs > 0
            ? count * Int(min(self.playedMs, self.audioMs)) / Int(self.audioMs)
            : Int(self.playedMs) * Self.charactersPerSecond / 1000
        guard heard < count else { return self.text }
        let beginning = self.text.prefix(heard)
        // Not in the middle of a word.
        guard let space = beginning.lastIndex(of: " ") else { return "" }
        return beginning[..<space].isEmpty ? "" : "\(beginning[..<space]) …"
    }
}
