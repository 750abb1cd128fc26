/// What a time zone's clocks show and showed, from the zone's file in the IANA database (`/usr/share/zoneinfo`), which
/// whoever has the file system reads: FoundationEssentials knows no zone but GMT.
package struct TimeZoneRules: Sendable, Equatable {
    /// Such as `America/New_York`.
    package var name: String
    /// In order of time.
    private var transitions: [Transition] = []
    /// Seconds east of UTC before the first transition.
    private var firstOffset = 0
    /// What holds behind the last transition; nil when nothing changes any more.
    private var rule: PosixTimeZone?

    private struct Transition: Sendable, Equatable {
        /// Unix seconds.
        var at: Int64
        /// Seconds east of UTC from then on.
        var offset: Int
    }

    /// Coordinated universal time.
    package static let utc = TimeZoneRules(name: "UTC", firstOffset: 0)

    private init(name: String, firstOffset: Int) {
        self.name = name
        self.firstOffset = firstOffset
    }

    /// - Parameter tzif: the zone's file, RFC 9636, of version 2 or later.
    /// - Returns: nil when it is none.
    package init?(name: String, tzif: [UInt8]) {
        var reader = TZifReader(bytes: tzif)
        guard let old = reader.header(), reader.skip(old.size(timeBytes: 4)), let header = reader.header(),
            header.types > 0, header.size(timeBytes: 8) <= tzif.count
        else { return nil }
        self.name = name
        var times: [Int64] = []
        for _ in 0..<header.times { times.append(reader.integer(8) ?? 0) }
        var indices: [Int] = []
        for _ in 0..<header.times { indices.append(Int(reader.integer(1) ?? 0) & 0xff) }
        var offsets: [Int] = []
        for _ in 0..<header.types {
            offsets.append(Int(reader.integer(4) ?? 0))
            _ = reader.skip(2)
        }
        guard indices.allSatisfy(offsets.indices.contains), offsets.allSatisfy({ abs($0) <= 26 * 3600 }),
            reader.skip(header.characters + header.leaps * 12 + header.standards + header.universals),
            let footer = reader.line()
        else { return nil }
        self.firstOffset = offsets[0]
        self.transitions = zip(times, indices).map { Transition(at: $0, offset: offsets[$1]) }
        guard zip(self.transitions, self.transitions.dropFirst()).allSatisfy({ $0.at < $1.at }) else { return nil }
        if !footer.isEmpty {
            guard let rule = PosixTimeZone(footer) else { return nil }
            self.rule = rule
        }
    }

    /// Seconds east of UTC.
    /// - Parameter seconds: Unix time.
    func offset(at seconds: Int64) -> Int {
        guard let last = self.transitions.last else { return self.rule?.offset(at: seconds) ?? self.firstOffset }
        if seconds >= last.at { return self.rule?.offset(at: seconds) ?? last.offset }
        // The first that is later.
        var low = 0
        var high = self.transitions.count
        while low < high {
            let middle = (low + high) / 2
            if self.transitions[middle].at <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? self.firstOffset : self.transitions[low - 1].offset
    }

    /// What the clocks show.
    /// - Parameter us: Unix microseconds.
    package func local(us: Int64) -> (date: LocalDate, time: LocalTime) {
        let seconds = us.floorDivided(by: 1_000_000)
        return Self.clock(seconds + Int64(self.offset(at: seconds)))
    }

    /// - Parameter seconds: Unix time plus the offset.
    static func clock(_ seconds: Int64) -> (date: LocalDate, time: LocalTime) {
        let days = seconds.floorDivided(by: 86_400)
        return (LocalDate(days: Int(days)), LocalTime(minutes: Int((seconds - days * 86_400) / 60)))
    }

    /// When the clocks show this: the first time where they show it twice, and as if they had not been put forward yet
    /// where they never do.
    /// - Returns: Unix seconds, and seconds east of UTC.
    func instant(_ date: LocalDate, _ time: LocalTime) -> (seconds: Int64, offset: Int) {
        let local = Int64(date.days) * 86_400 + Int64(time.minutes) * 60
        let before = self.offset(at: local - 86_400)
        for offset in [before, self.offset(at: local + 86_400)]
        where self.offset(at: local - Int64(offset)) == offset {
            return (local - Int64(offset), offset)
        }
        return (local - Int64(before), before)
    }

    /// RFC 3339, such as `2026-12-01T14:00:00-05:00`.
    func rfc3339(_ date: LocalDate, _ time: LocalTime) -> String {
        let (seconds, offset) = self.instant(date, time)
        let clock = Self.clock(seconds + Int64(offset))
        let minutes = abs(offset) / 60
        let sign = offset < 0 ? "-" : "+"
        return "\(clock.date.text)T\(clock.time.text):00\(sign)\((minutes / 60).padded(2)):\((minutes % 60).padded(2))"
    }
}

/// Walks over a TZif file; nothing that is in it makes this fail.
private struct TZifReader {
    struct Header {
        var universals: Int
        var standards: Int
        var leaps: Int
        var times: Int
        var types: Int
        var characters: Int

        func size(timeBytes: Int) -> Int {
            self.times * (timeBytes + 1) + self.types * 6 + self.characters + self.leaps * (timeBytes + 4)
                + self.standards + self.universals
        }
    }

    var bytes: [UInt8]
    var at = 0

    /// Big-endian, with its sign.
    mutating func integer(_ count: Int) -> Int64? {
        guard self.at + count <= self.bytes.count else { return nil }
        defer { self.at += count }
        let value = self.bytes[self.at..<(self.at + count)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let shift = UInt64(64 - 8 * count)
        return Int64(bitPattern: value << shift) >> Int64(shift)
    }

    mutating func skip(_ count: Int) -> Bool {
        guard count <= self.bytes.count - self.at else { return false }
        self.at += count
        return true
    }

    mutating func header() -> Header? {
        guard self.bytes.dropFirst(self.at).starts(with: Array("TZif".utf8)), self.skip(4),
            let version = self.integer(1), version >= 0x32, self.skip(15)
        else { return nil }
        var counts: [Int] = []
        for _ in 0..<6 {
            guard let count = self.integer(4), (0...100_000).contains(count) else { return nil }
            counts.append(Int(count))
        }
        return Header(
            universals: counts[0],
            standards: counts[1],
            leaps: counts[2],
            times: counts[3],
            types: counts[4],
            characters: counts[5]
        )
    }

    /// The text between two line feeds at the end.
    func line() -> String? {
        let rest = self.bytes.dropFirst(self.at)
        guard rest.count >= 2, rest.first == 0x0a, rest.last == 0x0a else { return nil }
        return String(decoding: rest.dropFirst().dropLast(), as: UTF8.self)
    }
}

extension Int64 {
    func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
