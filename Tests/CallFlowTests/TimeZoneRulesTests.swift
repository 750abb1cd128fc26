import CallEvents
import Foundation
import SeededRandom
import SwiftProtobuf
import Testing

@testable import CallFlow

@Suite struct TimeZoneRulesTests {
    /// A zone's file with these transitions.
    private static func file(_ transitions: [(Int64, UInt8)], _ offsets: [Int32], _ footer: String) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
            (0..<value.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        func header(_ times: Int, _ types: Int) -> [UInt8] {
            let counts: [Int] = [0, 0, 0, times, types, types == 0 ? 0 : 4]
            return Array("TZif2".utf8) + Array(repeating: 0, count: 15) + counts.flatMap { bytes(UInt32($0)) }
        }
        var file = header(0, 0) + header(transitions.count, offsets.count)
        file += transitions.flatMap { bytes($0.0) } + transitions.map(\.1)
        file += offsets.flatMap { bytes($0) + [0, 0] } + Array("ABC\0".utf8)
        return file + Array("\n\(footer)\n".utf8)
    }

    private static let newYorkRule = "EST5EDT,M3.2.0,M11.1.0"
    private static let newYork = TimeZoneRules(
        name: "America/New_York",
        tzif: Self.file([(1_678_604_400, 1), (1_699_164_000, 0)], [-18000, -14400], Self.newYorkRule)
    )

    @Test(arguments: [
        ("2023-03-12T06:59:59Z", -5), ("2023-03-12T07:00:00Z", -4), ("2023-11-05T05:59:59Z", -4),
        ("2023-11-05T06:00:00Z", -5), ("2024-03-10T06:59:59Z", -5), ("2024-03-10T07:00:00Z", -4),
        ("2035-11-04T05:59:59Z", -4), ("2035-11-04T06:00:00Z", -5), ("2000-07-01T00:00:00Z", -5),
    ])
    func `a file tells the offset, its rule what comes after`(_ moment: String, hours: Int) throws {
        let us = try #require(Timestamp.us(rfc3339: moment))
        #expect(try #require(Self.newYork).offset(at: us / 1_000_000) == hours * 3600)
    }

    @Test(arguments: [
        ("2023-11-14", "2 PM", "2023-11-14T14:00:00-05:00"), ("2023-07-04", "2 PM", "2023-07-04T14:00:00-04:00"),
        // Twice on that day: the first.
        ("2023-11-05", "01:30", "2023-11-05T01:30:00-04:00"),
        // Never on that day.
        ("2024-03-10", "02:30", "2024-03-10T02:30:00-05:00"),
    ])
    func `a time at the business is a moment`(_ date: String, time: String, text: String) throws {
        let zone = try #require(Self.newYork)
        #expect(try zone.rfc3339(#require(LocalDate(iso: date)), #require(LocalTime(time))) == text)
    }

    @Test func `an appointment in a known zone has its moment, and is judged by the business's clock`() throws {
        // 2023-11-14, 22:13 UTC: 17:13 in New York, and already tomorrow in Auckland.
        func run(_ zone: TimeZoneRules?, _ date: String, _ time: String) throws -> Appointment? {
            var context = ToolContext.test
            context.timeZone = zone
            let completed = Tool.run(
                .with {
                    $0.toolCallID = "c1"
                    $0.name = "schedule_appointment"
                    $0.arguments = #"{"date":"\#(date)","time":"\#(time)"}"#
                },
                in: context
            )
            return completed.succeeded ? try Appointment(jsonString: completed.result) : nil
        }
        let made = try #require(try run(Self.newYork, "2023-11-14", "17:30"))
        #expect(made.timeZone == "America/New_York")
        #expect(made.startsAt == "2023-11-14T17:30:00-05:00")
        #expect(try run(Self.newYork, "2023-11-14", "16:30") != nil)
        #expect(try run(Self.newYork, "2023-11-14", "09:00") == nil)
        #expect(try run(nil, "2023-11-14", "09:00")?.startsAt.isEmpty == true)
        let auckland = TimeZoneRules(name: "Pacific/Auckland", tzif: Self.file([], [46_800], "NZST-13"))
        #expect(try run(auckland, "2023-11-14", "23:00") == nil)
        #expect(try run(auckland, "2023-11-15", "12:00")?.startsAt == "2023-11-15T12:00:00+13:00")
    }

    @Test func `where nobody knows the zone, a day is past when it is past everywhere`() {
        var context = ToolContext.test
        // 2023-11-15, 03:00 UTC: in New York it is the day before.
        context.atUs = 1_700_017_200_000_000
        #expect(context.now.date.text == "2023-11-15")
        #expect(context.earliestToday.text == "2023-11-14")
        context.timeZone = .utc
        #expect(context.earliestToday.text == "2023-11-15")
        context.timeZone = Self.newYork
        #expect(context.now.date.text == "2023-11-14")
    }

    @Test(arguments: [
        "EST5", "<+03>-3", "NZST-12NZDT,M9.5.0,M4.1.0/3", "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
        "ABC3DEF,J60,J300", "ABC3DEF,0/0,365/167", "ABC-5:30:15",
    ])
    func `a rule is read`(_ rule: String) {
        #expect(PosixTimeZone(rule) != nil)
    }

    @Test(arguments: [
        "", "5", "E5", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0",
        "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J1", "EST5EDT,366,1", "EST999", "<EST5", "EST5EDT,M3.2.0,M11.1.0 ",
    ])
    func `what is no rule is none`(_ rule: String) {
        #expect(PosixTimeZone(rule) == nil)
    }

    @Test func `no file traps`() throws {
        var generator = SeededGenerator(seed: 67)
        let good = Self.file([(0, 1), (86_400, 0)], [-18000, -14400], Self.newYorkRule)
        #expect(TimeZoneRules(name: "", tzif: good) != nil)
        for _ in 0..<3000 {
            var bytes = Array(good.prefix(Int.random(in: 0...good.count, using: &generator)))
            for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let zone = TimeZoneRules(name: "", tzif: bytes)
            for us in [Int64.min, -1, 0, 1_700_000_000_000_000, .max] { _ = zone?.local(us: us).date.text }
        }
    }

    /// Zones whose rules did not change in the years compared, and the rules.
    private static let known = [
        ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"), ("America/Los_Angeles", "PST8PDT,M3.2.0,M11.1.0"),
        ("America/Phoenix", "MST7"), ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("Europe/London", "GMT0BST,M3.5.0/1,M10.5.0"), ("Europe/Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1"),
        ("Asia/Kolkata", "IST-5:30"), ("Asia/Kathmandu", "<+0545>-5:45"),
        ("Pacific/Auckland", "NZST-12NZDT,M9.5.0,M4.1.0/3"),
        ("Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"),
    ]

    private func compare(_ rules: TimeZoneRules, with name: String) throws {
        let zone = try #require(TimeZone(identifier: name))
        var generator = SeededGenerator(seed: 68)
        for _ in 0..<500 {
            // 2009 to 2022.
            let seconds = Int64.random(in: 1_230_768_000..<1_672_531_200, using: &generator)
            let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
            #expect(rules.offset(at: seconds) == offset, "\(seconds)")
            let (date, time) = rules.local(us: seconds * 1_000_000)
            let instant = rules.instant(date, time)
            // Twice on the day on which the clocks are put back: the first.
            let difference = seconds / 60 - instant.seconds / 60
            #expect(difference == 0 || (difference > 0 && instant.offset - offset == difference * 60))
        }
    }

    @Test(arguments: Self.known)
    func `rules are as Foundation knows them`(_ name: String, rule: String) throws {
        let posix = try #require(PosixTimeZone(rule))
        let rules = try #require(
            TimeZoneRules(name: name, tzif: Self.file([], [Int32(posix.offset(at: 0))], rule))
        )
        try self.compare(rules, with: name)
    }

    private static let zones = "/usr/share/zoneinfo"

    @Test(.enabled(if: FileManager.default.fileExists(atPath: Self.zones)), arguments: Self.known)
    func `the system's zones are as Foundation knows them`(_ name: String, rule: String) throws {
        let data = try Data(contentsOf: URL(filePath: "\(Self.zones)/\(name)"))
        try self.compare(#require(TimeZoneRules(name: name, tzif: Array(data))), with: name)
    }

    @Test func `days of the calendar go there and back`() throws {
        for days in stride(from: -719_000, through: 2_900_000, by: 13) {
            let date = LocalDate(days: days)
            #expect(LocalDate(iso: date.text) == date)
        }
        #expect(try #require(LocalDate(iso: "1970-01-01")).days == 0)
        #expect(try #require(LocalDate(iso: "2000-02-29")).days == 11_016)
        #expect(LocalDate(iso: "1900-02-29") == nil)
        #expect(try #require(LocalDate(iso: "2023-11-14")).longText == "Tuesday, 2023-11-14")
    }
}
