#pragma once

/// Bytes that this process has allocated and not freed, in all arenas of the C library's allocator; -1 where it does not
/// say.
long long heap_bytes_in_use(void);
