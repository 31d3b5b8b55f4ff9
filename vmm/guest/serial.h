// Text out through the 16550, polled.
#ifndef TRAPLINE_VMM_GUEST_SERIAL_H
#define TRAPLINE_VMM_GUEST_SERIAL_H

#include <stdint.h>

void print(const char* text);
void print_hex(uint64_t value);

#endif
