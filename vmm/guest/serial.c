#include "vmm/guest/serial.h"

#include "vmm/guest/counts.h"
#include "vmm/guest/wait.h"

// 16550 datasheet, table 2: line status register, transmitter holding register empty.
#define LINE_STATUS (GUEST_PORT_SERIAL + 5)
#define TRANSMITTER_EMPTY 0x20

static void print_character(char character) {
  AWAIT(GUEST_WAIT_SERIAL, read_port8(LINE_STATUS) & TRANSMITTER_EMPTY);
  write_port8(GUEST_PORT_SERIAL, (uint8_t)character);
}

void print(const char* text) {
  while (*text)
    print_character(*text++);
}

void print_hex(uint64_t value) {
  print("0x");
  int shift = 60;
  while (shift > 0 && !(value >> shift & 0xf))
    shift -= 4;
  for (; shift >= 0; shift -= 4)
    print_character("0123456789abcdef"[value >> shift & 0xf]);
}
