// The functions of libsoxr 0.1 and libspeexdsp 1.2 that voice-bench looks up at run time (dlsym), and nothing more:
// their headers are not needed to build, nor are the libraries to link.

#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
    unsigned itype, otype; // soxr_datatype_t, an enumeration: 3 is SOXR_INT16_I
    double scale;
    void *e;
    unsigned long flags; // 8 is SOXR_NO_DITHER
} soxr_io_spec_value;

typedef struct {
    double precision, phase_response, passband_end, stopband_begin;
    void *e;
    unsigned long flags;
} soxr_quality_spec_value;

typedef soxr_io_spec_value (*soxr_io_spec_function)(unsigned itype, unsigned otype);
typedef soxr_quality_spec_value (*soxr_quality_spec_function)(unsigned long recipe, unsigned long flags);
typedef void *(*soxr_create_function)(
    double input_rate, double output_rate, unsigned channels, const char **error,
    const soxr_io_spec_value *io, const soxr_quality_spec_value *quality, const void *runtime);
typedef const char *(*soxr_process_function)(
    void *resampler, const void *in, size_t ilen, size_t *idone, void *out, size_t olen, size_t *odone);
typedef void (*soxr_delete_function)(void *resampler);

typedef void *(*speex_resampler_init_function)(
    uint32_t channels, uint32_t in_rate, uint32_t out_rate, int quality, int *error);
typedef int (*speex_resampler_process_int_function)(
    void *state, uint32_t channel, const int16_t *in, uint32_t *in_len, int16_t *out, uint32_t *out_len);
typedef void (*speex_resampler_destroy_function)(void *state);
