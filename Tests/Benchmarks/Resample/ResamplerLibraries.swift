import CResamplers

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A library of this machine, loaded for as long as the process lives.
private struct SharedLibrary {
    private let handle: UnsafeMutableRawPointer

    /// - Parameter names: tried in turn; nil when none can be loaded.
    init?(_ names: [String]) {
        guard let handle = names.lazy.compactMap({ dlopen($0, RTLD_NOW) }).first else { return nil }
        self.handle = handle
    }

    /// - Parameter type: the C function type of `name`.
    func function<Function>(_ name: String, as type: Function.Type) -> Function? {
        dlsym(self.handle, name).map { unsafeBitCast($0, to: type) }
    }
}

/// A library's resampler, freed with the last stream that uses it.
private final class State {
    let pointer: UnsafeMutableRawPointer
    private let free: (UnsafeMutableRawPointer) -> Void

    init(_ pointer: UnsafeMutableRawPointer?, free: @escaping (UnsafeMutableRawPointer?) -> Void) {
        guard let pointer else { fatalError("the library makes no resampler for 8 and 24 kHz") }
        self.pointer = pointer
        self.free = free
    }

    deinit { self.free(self.pointer) }
}

/// libsoxr, with 16-bit samples and without its dither, which would cost it time and signal-to-noise ratio.
struct SoxrLibrary {
    private let ioSpec: soxr_io_spec_function
    private let qualitySpec: soxr_quality_spec_function
    private let create: soxr_create_function
    private let process: soxr_process_function
    private let delete: soxr_delete_function

    init?() {
        guard let library = SharedLibrary(["libsoxr.so.0", "libsoxr.so", "libsoxr.dylib"]),
            let ioSpec = library.function("soxr_io_spec", as: soxr_io_spec_function.self),
            let qualitySpec = library.function("soxr_quality_spec", as: soxr_quality_spec_function.self),
            let create = library.function("soxr_create", as: soxr_create_function.self),
            let process = library.function("soxr_process", as: soxr_process_function.self),
            let delete = library.function("soxr_delete", as: soxr_delete_function.self)
        else { return nil }
        self.ioSpec = ioSpec
        self.qualitySpec = qualitySpec
        self.create = create
        self.process = process
        self.delete = delete
    }

    func stream(from input: Int, to output: Int, recipe: UInt) -> SampleStream {
        let int16: UInt32 = 3
        let noDither: UInt = 8
        var io = self.ioSpec(int16, int16)
        io.flags |= noDither
        var quality = self.qualitySpec(recipe, 0)
        let state = State(
            self.create(Double(input), Double(output), 1, nil, &io, &quality, nil),
            free: self.delete
        )
        let process = self.process
        return { input, output in
            var (taken, given) = (0, 0)
            _ = process(
                state.pointer,
                input.baseAddress,
                input.count,
                &taken,
                output.baseAddress,
                output.count,
                &given
            )
            return given
        }
    }
}

/// libspeexdsp's resampler, with 16-bit samples.
struct SpeexLibrary {
    private let initialize: speex_resampler_init_function
    private let process: speex_resampler_process_int_function
    private let destroy: speex_resampler_destroy_function

    init?() {
        guard let library = SharedLibrary(["libspeexdsp.so.1", "libspeexdsp.so", "libspeexdsp.dylib"]),
            let initialize = library.function("speex_resampler_init", as: speex_resampler_init_function.self),
            let process = library.function(
                "speex_resampler_process_int",
                as: speex_resampler_process_int_function.self
            ),
            let destroy = library.function("speex_resampler_destroy", as: speex_resampler_destroy_function.self)
        else { return nil }
        self.initialize = initialize
        self.process = process
        self.destroy = destroy
    }

    func stream(from input: Int, to output: Int, quality: Int32) -> SampleStream {
        let state = State(self.initialize(1, UInt32(input), UInt32(output), quality, nil), free: self.destroy)
        let process = self.process
        return { input, output in
            var taken = UInt32(input.count)
            var given = UInt32(output.count)
            _ = process(state.pointer, 0, input.baseAddress, &taken, output.baseAddress, &given)
            return Int(given)
        }
    }
}
