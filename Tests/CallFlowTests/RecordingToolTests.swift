import CallEvents
import CallFlow
import JSON
import SwiftProtobuf
import Testing

/// `schedule_appointment`, `place_order` and `record_special_offer`. It is 2023-11-14, 22:13 UTC.
@Suite struct RecordingToolTests {
    private func run(_ tool: Tool, _ arguments: String) -> ToolCompleted {
        Tool.run(
            .with {
                $0.toolCallID = "c1"
                $0.name = tool.rawValue
                $0.arguments = arguments
                $0.agent = "main_concierge"
            },
            in: .test
        )
    }

    private func message(_ completed: ToolCompleted) throws -> String {
        try #require(try JSONValue(parsing: completed.output)["error"]?["message"]?.stringValue)
    }

    @Test func `an appointment is written down as agreed`() throws {
        let completed = self.run(
            .scheduleAppointment,
            #"{"date":"2023-12-01","time":"2:00 PM","confirmationNumber":4711,"notes":" ask for  Sam "}"#
        )
        #expect(
            try Appointment(jsonString: completed.result)
                == .with {
                    $0.appointmentID = "\(Log.callSid).c1"
                    $0.callSid = Log.callSid
                    $0.requestID = "req-1"
                    $0.businessName = "Test Business"
                    $0.date = "2023-12-01"
                    $0.time = "14:00"
                    $0.asSaid = "2023-12-01 2:00 PM"
                    $0.confirmationNumber = "4711"
                    $0.notes = "ask for Sam"
                    $0.agent = "main_concierge"
                    $0.recordedAt = "2023-11-14T22:13:20.000Z"
                }
        )
        let output = try JSONValue(parsing: completed.output)
        #expect(output["status"] == "recorded")
        #expect(output["weekday"] == "Friday")
    }

    @Test(arguments: [
        ("2:00 PM", "14:00"), ("2 pm", "14:00"), ("2 p.m.", "14:00"), ("14:00", "14:00"), ("14:00:00", "14:00"),
        ("09:30", "09:30"), ("9:30 AM", "09:30"), ("12 AM", "00:00"), ("12:15am", "00:15"), ("12 PM", "12:00"),
        ("noon", "12:00"), ("midnight", "00:00"), ("00:00", "00:00"), ("23:59", "23:59"), ("14:00 PM", "14:00"),
    ])
    func `a time has one form`(_ said: String, time: String) throws {
        let completed = self.run(.scheduleAppointment, #"{"date":"2024-02-29","time":"\#(said)"}"#)
        #expect(try Appointment(jsonString: completed.result).time == time)
    }

    @Test(arguments: [
        "2:00", "2", "14", "25:00", "14:60", "13 AM", "0 PM", "2:0 PM", "afternoon", "around 2 PM", "14:00 CET", ":",
        "-1:00",
        "٢:٠٠ PM", "1e1 PM", "2:00:00:00", "pm", "24:00",
    ])
    func `what is no time of day is asked for again`(_ said: String) throws {
        let completed = self.run(.scheduleAppointment, #"{"date":"2024-02-29","time":"\#(said)"}"#)
        #expect(try self.message(completed).hasPrefix("time must be a time of day such as 2:00 PM or 14:00"))
    }

    @Test(arguments: [
        "tomorrow", "2023-11-31", "2023-02-29", "11/30/2023", "2023-12-1", "20231201", "0000-01-01", "٢٠٢٣-١٢-٠١", "-",
        "2023-12-01T14:00",
    ])
    func `what is no ISO date is asked for again, with today's date`(_ said: String) throws {
        let completed = self.run(.scheduleAppointment, #"{"date":"\#(said)","time":"2 PM"}"#)
        #expect(
            try self.message(completed)
                == "date must be a day of the calendar as YYYY-MM-DD, not \"\(said)\": today is Tuesday, 2023-11-14."
        )
    }

    @Test func `all that is wrong is said at once`() throws {
        let message = try self.message(self.run(.scheduleAppointment, #"{"date":"soon","time":"late"}"#))
        #expect(message.contains("date must be"))
        #expect(message.contains("time must be"))
        let missing = try self.message(self.run(.scheduleAppointment, #"{"place":"here"}"#))
        #expect(
            missing
                == """
                date is missing: it is required, as a string. time is missing: it is required, as a string. place is not \
                known: leave it out. Known are: confirmationNumber, date, notes, time.
                """
        )
    }

    @Test(arguments: [
        ("2023-11-14", true), ("2023-11-13", false), ("2020-01-01", false), ("2025-11-14", true), ("2032-11-14", false),
    ])
    func `a date is neither past nor years away`(_ date: String, isTaken: Bool) throws {
        let completed = self.run(.scheduleAppointment, #"{"date":"\#(date)","time":"08:00"}"#)
        #expect(completed.succeeded == isTaken)
        if !isTaken { #expect(try self.message(completed).contains("today is Tuesday, 2023-11-14")) }
    }

    @Test func `an order is written down as agreed`() throws {
        let completed = self.run(
            .placeOrder,
            """
            {"items":[{"name":"Large pizza","quantity":"2","customizations":["no onions"]},{"name":"Cola","quantity":1,
            "customizations":null}],"totalPrice":"€31.5","confirmationNumber":"A7","estimatedTime":"45 minutes","delivery":true}
            """
        )
        #expect(
            try Order(jsonString: completed.result)
                == .with {
                    $0.orderID = "\(Log.callSid).c1"
                    $0.callSid = Log.callSid
                    $0.requestID = "req-1"
                    $0.businessName = "Test Business"
                    $0.items = [
                        .with {
                            $0.name = "Large pizza"
                            $0.quantity = 2
                            $0.customizations = ["no onions"]
                        },
                        .with {
                            $0.name = "Cola"
                            $0.quantity = 1
                        },
                    ]
                    $0.totalPrice = "31.50"
                    $0.currency = "EUR"
                    $0.confirmationNumber = "A7"
                    $0.estimatedTime = "45 minutes"
                    $0.delivery = "delivery"
                    $0.agent = "main_concierge"
                    $0.recordedAt = "2023-11-14T22:13:20.000Z"
                }
        )
    }

    @Test func `an order without a total has no currency`() throws {
        let order = try Order(jsonString: self.run(.placeOrder, #"{"items":[{"name":"Tea","quantity":1}]}"#).result)
        #expect(order.totalPrice.isEmpty)
        #expect(order.currency.isEmpty)
    }

    @Test(arguments: [
        (#"{"items":[]}"#, "items must not be empty"), ("{}", "items is missing"),
        (#"{"items":"pizza"}"#, "items must be an array"), (#"{"items":["pizza"]}"#, "items[0] must be an object"),
        (#"{"items":[{"name":"pizza"}]}"#, "items[0].quantity is missing"),
        (#"{"items":[{"name":"","quantity":1}]}"#, "items[0].name must not be empty"),
        (#"{"items":[{"name":"  ","quantity":1}]}"#, "items[0].name is required"),
        (#"{"items":[{"name":"a","quantity":0}]}"#, "items[0].quantity must be at least 1, not 0"),
        (#"{"items":[{"name":"a","quantity":-1}]}"#, "items[0].quantity must be at least 1, not -1"),
        (#"{"items":[{"name":"a","quantity":1.5}]}"#, "items[0].quantity must be a whole number or a string, not 1.5"),
        (#"{"items":[{"name":"a","quantity":"two"}]}"#, "items[0].quantity must be a whole number from 1"),
        (#"{"items":[{"name":"a","quantity":99999}]}"#, "items[0].quantity must be at most 10000, not 99999"),
        (#"{"items":[{"name":"a","quantity":1}],"totalPrice":-5}"#, "totalPrice must be at least 0, not -5"),
        (#"{"items":[{"name":"a","quantity":1}],"totalPrice":0}"#, "totalPrice 0.00 cannot be right"),
        (#"{"items":[{"name":"a","quantity":1}],"totalPrice":999999999}"#, "totalPrice 999999999.00 cannot be right"),
        (#"{"items":[{"name":"a","quantity":1}],"totalPrice":"about 20"}"#, "totalPrice must be one number"),
        (#"{"items":[{"name":"a","quantity":1,"size":"L"}]}"#, "items[0].size is not known"),
        ("not JSON", "not a JSON object"),
    ])
    func `a wrong order is refused in words that help`(_ arguments: String, words: String) throws {
        let completed = self.run(.placeOrder, arguments)
        #expect(!completed.succeeded)
        #expect(completed.result.isEmpty)
        #expect(try self.message(completed).contains(words))
    }

    @Test func `an offer is written down, with the day until which it holds where that is one`() throws {
        let completed = self.run(
            .recordSpecialOffer,
            #"{"description":"Winter check","discount":20,"validUntil":"2023-12-31","conditions":"new customers"}"#
        )
        let offer = try Offer(jsonString: completed.result)
        #expect(offer.offerID == "\(Log.callSid).c1")
        #expect(offer.description_p == "Winter check")
        #expect(offer.discount == "20")
        #expect(offer.validUntil == "2023-12-31")
        #expect(offer.validUntilDate == "2023-12-31")
        #expect(offer.conditions == "new customers")
        let words = self.run(.recordSpecialOffer, #"{"description":"Winter check","validUntil":"end of the year"}"#)
        #expect(try Offer(jsonString: words.result).validUntil == "end of the year")
        #expect(try Offer(jsonString: words.result).validUntilDate.isEmpty)
    }

    @Test(arguments: [
        ("{}", "description is missing"), (#"{"description":" "}"#, "description is required"),
        (#"{"description":"a","validUntil":"2023-11-13"}"#, "validUntil Monday, 2023-11-13 is in the past"),
        (#"{"description":"a","discount":-20}"#, "discount must say how much less"),
        (#"{"description":["a"]}"#, "description must be a string, not an array of 1"),
    ])
    func `a wrong offer is refused in words that help`(_ arguments: String, words: String) throws {
        let completed = self.run(.recordSpecialOffer, arguments)
        #expect(!completed.succeeded)
        #expect(try self.message(completed).contains(words))
    }

    @Test func `control characters of the model's do not come through`() throws {
        let completed = self.run(.recordSpecialOffer, #"{"description":"a\u0000b\r\n\u001b c"}"#)
        #expect(try Offer(jsonString: completed.result).description_p == "a b c")
    }
}
