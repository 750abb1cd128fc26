package import CallEvents

/// Which way audio goes: each is one topic in, one topic out and one conversion.
package enum Direction: String, CaseIterable, Hashable, Sendable {
    /// From the phone to the model.
    case inbound
    /// From the model to the phone.
    case outbound

    package var source: Topic {
        switch self {
        case .inbound: .audioInboundPhone
        case .outbound: .audioOutboundModel
        }
    }

    package var destination: Topic {
        switch self {
        case .inbound: .audioInboundModel
        case .outbound: .audioOutboundPhone
        }
    }

    /// What frames of `source` carry.
    package var sourceCodec: AudioFrame.Codec {
        switch self {
        case .inbound: .pcmu
        case .outbound: .pcm24k
        }
    }

    /// What frames of `destination` carry.
    package var destinationCodec: AudioFrame.Codec {
        switch self {
        case .inbound: .pcm24k
        case .outbound: .pcmu
        }
    }
}
