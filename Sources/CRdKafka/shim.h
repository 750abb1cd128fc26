#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>

/* glibc hides it from Swift behind _GNU_SOURCE. */
extern int pthread_setname_np(pthread_t thread, const char *name);
