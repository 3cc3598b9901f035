/* Preloaded into Hiwar's processes by the soak bench: the wallclock is off by as many seconds as the file
 * named in WALLCLOCK_STEP_FILE says (eight bytes, native order), and may change at any time. Monotonic
 * clocks are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static int (*real_gettime)(clockid_t, struct timespec *);
static volatile const long long *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("WALLCLOCK_STEP_FILE");
    int file = path ? open(path, O_RDONLY) : -1;
    real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    if (file >= 0) {
        void *mapped = mmap(0, sizeof(long long), PROT_READ, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED) offset = mapped;
    }
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real_gettime) real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real_gettime(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME && offset) now->tv_sec += *offset;
    return result;
}
