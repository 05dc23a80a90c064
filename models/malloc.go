package models

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>

// Threads of Go exist before its first line runs.
static void __attribute__((constructor)) share_arena(void) { mallopt(M_ARENA_MAX, 1); }
#endif
*/
import "C"

// SQLite takes its memory from the C library, whose GNU kind has an arena for each
// of many threads: what is given back stays in it. Go has a connection move from
// thread to thread, and it would leave some memory in each arena. SQLite asks for
// little at a time and keeps much of that for itself, so one is enough for all.
