import CallEvents
import JSON
import SwiftProtobuf

/// `schedule_appointment`: writes down a time that the business has agreed to.
enum ScheduleAppointment: ToolBehavior {
    static let definition = ToolDefinition(
        .scheduleAppointment,
        """
        Write down an appointment that the business has just confirmed, with its date and its time. Only what was agreed \
        on out loud: never a time that was merely offered.
        """,
        properties: [
            "date": [
                "type": "string", "minLength": 1, "maxLength": 40,
                "description": "The day, as YYYY-MM-DD, such as 2026-12-01. Work it out from words such as tomorrow.",
            ],
            "time": [
                "type": "string", "minLength": 1, "maxLength": 40,
                "description": "The time at the business, such as 2:00 PM or 14:00.",
            ],
            "confirmationNumber": [
                "type": ["string", "number"], "maxLength": 100,
                "description": "The confirmation number, if the business gave one.",
            ],
            "notes": ["type": "string", "description": "What else was agreed on, such as whom to ask for."],
        ],
        required: ["date", "time"]
    )

    private struct Arguments {
        var date: LocalDate
        var time: LocalTime
        /// Date and time as the model gave them.
        var asSaid: String
        var confirmationNumber: String
        var notes: String

        /// - Parameter today: for the words to the model; nil when it does not matter.
        init(_ json: String, today: LocalDate?) throws(ToolError) {
            let arguments = try ToolArguments(json, of: .scheduleAppointment)
            var problems = ToolProblems()
            let dateText = problems.take { () throws(ToolError) in try arguments.requiredText("date") } ?? ""
            let timeText = problems.take { () throws(ToolError) in try arguments.requiredText("time") } ?? ""
            let date = LocalDate(iso: dateText)
            let time = LocalTime(timeText)
            if date == nil {
                problems.add(
                    "date must be a day of the calendar as YYYY-MM-DD, not \"\(dateText)\""
                        + (today.map { ": today is \($0.longText)." } ?? ".")
                )
            }
            if time == nil {
                problems.add(
                    "time must be a time of day such as 2:00 PM or 14:00, not \"\(timeText)\". Ask for it if it is not "
                        + "clear, also whether it is AM or PM."
                )
            }
            self.confirmationNumber =
                problems.take { () throws(ToolError) in try arguments.text("confirmationNumber") } ?? ""
            self.notes = problems.take { () throws(ToolError) in try arguments.text("notes") } ?? ""
            try problems.throwIfAny()
            guard let date, let time else { throw ToolError("date and time are required.") }
            self.date = date
            self.time = time
            self.asSaid = "\(dateText) \(timeText)"
        }
    }

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try Arguments(call.arguments, today: context.now.date)
        try self.check(arguments, context)
        let appointment = Appointment.made(by: call, in: context) {
            $0.appointmentID = CallID.result(context.callSid, toolCallID: call.toolCallID)
            $0.date = arguments.date.text
            $0.time = arguments.time.text
            if let zone = context.timeZone {
                $0.timeZone = zone.name
                $0.startsAt = zone.rfc3339(arguments.date, arguments.time)
            }
            $0.asSaid = arguments.asSaid
            $0.confirmationNumber = arguments.confirmationNumber
            $0.notes = arguments.notes
            $0.recordedAt = Timestamp.rfc3339(us: context.atUs)
        }
        return try Tool.Outcome(
            [
                "status": "recorded", "appointmentId": .string(appointment.appointmentID),
                "date": .string(arguments.date.text),
                "weekday": .string(LocalDate.weekdays[arguments.date.weekday]),
                "time": .string(arguments.time.text),
            ],
            made: appointment
        )
    }

    /// What begins at once lies a little in the past by the time that it is written down.
    private static let graceMinutes = 60
    private static let maxDaysAhead = 2 * 366

    private static func check(_ arguments: Arguments, _ context: ToolContext) throws(ToolError) {
        let now = context.now
        if arguments.date < context.earliestToday {
            throw ToolError("\(arguments.date.longText) is in the past: today is \(now.date.longText). Ask again.")
        }
        if arguments.date.days > now.date.days + Self.maxDaysAhead {
            throw ToolError(
                "\(arguments.date.longText) is more than two years ahead: today is \(now.date.longText). Check the year."
            )
        }
        if context.timeZone != nil, arguments.date == now.date,
            arguments.time.minutes + Self.graceMinutes < now.time.minutes
        {
            throw ToolError(
                "\(arguments.time.text) today is in the past: it is \(now.time.text) at the business now. Ask for the day, "
                    + "and whether it is AM or PM."
            )
        }
    }

    static func normalised(_ json: String) -> String {
        guard let arguments = try? Arguments(json, today: nil) else { return json }
        return JSONValue.array([
            .string(arguments.date.text), .string(arguments.time.text),
            .string(arguments.confirmationNumber.lowercased()), .string(arguments.notes.lowercased()),
        ]).text
    }
}
