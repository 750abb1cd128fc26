#pragma once
#include <stddef.h>

/// A file of the call monitor, as it was when this was compiled.
struct monitor_file {
    /// Where it is served, such as "/monitor/monitor.js".
    const char *path;
    const unsigned char *content;
    size_t count;
};

/// How many there are.
size_t monitor_file_count(void);

/// One of them, from 0 on.
struct monitor_file monitor_file_at(size_t index);

/// The description of the HTTP API, which is served as such a file is.
struct monitor_file openapi_file(void);
