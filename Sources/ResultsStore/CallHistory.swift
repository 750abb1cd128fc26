package import CallEvents

/// All that the store holds of one call, read at one moment. Each list is in order: utterances, tools and turns by their
/// place, moments and results as they came.
package struct CallHistory: Sendable, Equatable {
    package var call: CallRow
    package var utterances: [UtteranceRow] = []
    package var tools: [ToolRow] = []
    package var handoffs: [HandoffRow] = []
    package var turns: [TurnRow] = []
    package var moments: [MomentRow] = []
    package var quotes: [Quote] = []
    package var appointments: [Appointment] = []
    package var orders: [Order] = []
    package var offers: [Offer] = []
    package var comparisons: [Comparison] = []

    package init(call: CallRow) {
        self.call = call
    }
}
