import CallEvents
import SeededRandom
import Testing

@testable import CallFlow

/// What a business says about time. It is Tuesday, 2023-11-14, 15:30.
@Suite struct AvailabilityTests {
    private func read(_ words: String) throws -> Availability {
        let today = try #require(LocalDate(iso: "2023-11-14"))
        return Availability(words, saidAt: (today, LocalTime(minutes: 15 * 60 + 30)))
    }

    @Test(arguments: [
        ("today", "2023-11-14 15:30"), ("Right away!", "2023-11-14 15:30"), ("we can do it now", "2023-11-14 15:30"),
        ("same day", "2023-11-14 15:30"), ("same-day service", "2023-11-14 15:30"), ("any time", "2023-11-14 15:30"),
        ("tonight", "2023-11-14 18:00"), ("this afternoon", "2023-11-14 15:30"), ("this evening", "2023-11-14 17:00"),
        ("today at 5 PM", "2023-11-14 17:00"), ("today after 4:30 p.m.", "2023-11-14 16:30"),
        ("tomorrow", "2023-11-15 00:00"), ("tomorrow morning", "2023-11-15 08:00"),
        ("Tomorrow at 2 PM.", "2023-11-15 14:00"),
        ("tomorrow afternoon or Friday", "2023-11-15 12:00"), ("the day after tomorrow", "2023-11-16 00:00"),
        ("in the morning", "2023-11-15 08:00"), ("at 5pm", "2023-11-14 17:00"), ("9 am", "2023-11-15 09:00"),
        ("Friday", "2023-11-17 00:00"), ("Tuesday", "2023-11-14 15:30"), ("next Tuesday", "2023-11-21 00:00"),
        ("Monday or Thursday", "2023-11-16 00:00"), ("on Wed at 14:00", "2023-11-15 14:00"),
        ("Mondays", "2023-11-20 00:00"),
        ("this weekend", "2023-11-18 00:00"), ("next week", "2023-11-20 00:00"), ("this week", "2023-11-14 15:30"),
        ("next month", "2023-12-01 00:00"), ("in 2 hours", "2023-11-14 15:30"), ("in 10 hours", "2023-11-15 00:00"),
        ("in 3 days", "2023-11-17 00:00"), ("within 2-3 business days", "2023-11-16 00:00"),
        ("in a week", "2023-11-21 00:00"),
        ("two weeks from now", "2023-11-28 00:00"), ("in a couple of days", "2023-11-16 00:00"),
        ("2023-12-01", "2023-12-01 00:00"), ("2023-12-01T14:00:00", "2023-12-01 14:00"),
        ("December 3", "2023-12-03 00:00"),
        ("Dec. 3rd at noon", "2023-12-03 12:00"), ("3rd of December", "2023-12-03 00:00"),
        ("January 5", "2024-01-05 00:00"),
        ("5 January 2025", "2025-01-05 00:00"), ("November 14", "2023-11-14 15:30"), ("in March", "2024-03-01 00:00"),
        ("May 5", "2024-05-05 00:00"), ("not before Friday", "2023-11-17 00:00"),
        ("fully booked until Monday", "2023-11-20 00:00"),
        ("not today, but tomorrow", "2023-11-15 00:00"), ("nothing today. Thursday is free", "2023-11-16 00:00"),
        ("tomorrow, it takes 2 hours", "2023-11-15 00:00"), ("Friday; open 7 days a week", "2023-11-17 00:00"),
        ("Friday, with a 2 week warranty", "2023-11-17 00:00"),
    ])
    func `words name the earliest moment`(_ words: String, moment: String) throws {
        guard case .from(let date, let time) = try self.read(words) else {
            Issue.record("\(words) names none")
            return
        }
        #expect("\(date.text) \(time.text)" == moment)
    }

    @Test(arguments: [
        "", "call us", "depends on parts", "it takes 2 hours", "open 7 days a week", "soon", "once a week", "12/3",
        "2023-13-01",
        "December 32", "mayor", "you may come", "99999999999 days", "in 5000 days", "ماشي",
    ])
    func `other words name none`(_ words: String) throws {
        #expect(try self.read(words) == .unknown)
    }

    @Test(arguments: [
        "not available", "no availability", "sold out", "unavailable", "no openings at the moment", "fully booked",
        "not today", "nothing available this week", "out of the question, no appointments",
    ])
    func `a refusal is one`(_ words: String) throws {
        #expect(try self.read(words) == .unavailable)
    }

    @Test func `what is known comes first, a refusal last`() throws {
        let order = try ["today", "tomorrow", "2023-12-01", "call us", "sold out"].map { try self.read($0).order }
        #expect(order == order.sorted())
        #expect(Set(order).count == order.count)
    }

    @Test func `words of a quote are those of the day on which it was taken`() throws {
        var quote = Quote.test("a", "1.00", availability: "tomorrow")
        var context = ToolContext.test
        context.atUs += 3 * 86_400_000_000
        #expect(Availability(of: quote, in: context) == .unknown)
        quote.availability = "in 5 days"
        #expect(Availability(of: quote, in: context).words == "from Sunday, 2023-11-19")
        quote.quotedAt = "some time"
        #expect(Availability(of: quote, in: context).words == "from Wednesday, 2023-11-22")
    }

    @Test func `no words trap`() throws {
        var generator = SeededGenerator(seed: 66)
        let words = [
            "not", "until", "in", "next", "this", "day", "week", "weeks", "a", "7", "0", "999", "9999-12-31",
            "0001-01-01",
            "december", "31", "2024", "feb", "29", "am", "pm", "12:00", "of", "tomorrow", "'s", "-", "3-5", "😀", "days",
            "may",
            "1000", "months", "couple", "after", "t", "2023-11-15t", "'", "but",
        ]
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                words.randomElement(using: &generator) ?? ""
            }
            let date = LocalDate(days: .random(in: -10_000...2_900_000, using: &generator))
            let now = (date, LocalTime(minutes: .random(in: 0..<1440, using: &generator)))
            _ =
                Availability(
                    text.joined(separator: [" ", ", ", ""].randomElement(using: &generator) ?? ""),
                    saidAt: now
                ).words
        }
    }
}
