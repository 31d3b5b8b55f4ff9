/*
 * courier: carries the command's output, and what it left in out/, to the host. There is no driver for the machine's
 * disk: it writes to the ATA controller's ports itself, and the host reads the disk's image while the machine runs.
 * (A serial line would be a thousand times slower.)
 *
 * courier SECTOR CHANNEL [CHANNEL...]: reads descriptors 3, 4, ... until all end, each the next channel's, and writes
 * what comes as frames: a sector with struct frame, then the bytes in whole sectors. Prints the sector after the last.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#define SECTOR 512
#define FRAME_BYTES (256 * SECTOR) /* what one command writes */
#define MAGIC 0x656d617266707274ull

#define ATA 0x1f0
#define ATA_CONTROL 0x3f6
#define ATA_WRITE_SECTORS 0x30
#define ATA_BUSY 0x80
#define ATA_DATA_REQUEST 0x08

struct frame {
  uint64_t magic;
  uint32_t channel;
  uint32_t bytes;
};

static unsigned char buffer[SECTOR + FRAME_BYTES];

static void wait_for(unsigned char wanted) {
  unsigned char status;
  do {
    status = inb(ATA + 7);
  } while ((status & ATA_BUSY) || (status & wanted) != wanted);
}

static void write_sectors(uint32_t sector, uint32_t count, const unsigned char* from) {
  wait_for(0);
  outb(count & 0xff, ATA + 2);
  outb(sector & 0xff, ATA + 3);
  outb(sector >> 8 & 0xff, ATA + 4);
  outb(sector >> 16 & 0xff, ATA + 5);
  outb(0xe0 | (sector >> 24 & 0xf), ATA + 6);
  outb(ATA_WRITE_SECTORS, ATA + 7);
  for (uint32_t i = 0; i < count; ++i) {
    wait_for(ATA_DATA_REQUEST);
    outsw(ATA, from + i * SECTOR, SECTOR / 2);
  }
  wait_for(0);
}

int main(int argc, char** argv) {
  if (argc < 3 || ioperm(ATA, 8, 1) != 0 || ioperm(ATA_CONTROL, 1, 1) != 0) return 1;
  uint32_t sector = (uint32_t)strtoul(argv[1], NULL, 10);
  const int channels = argc - 2;
  struct pollfd inputs[8];
  int open = channels;
  if (channels > 8) return 1;
  outb(2, ATA_CONTROL); /* no interrupts: nobody would take them */
  for (int i = 0; i < channels; ++i)
    inputs[i] = (struct pollfd){.fd = 3 + i, .events = POLLIN};
  while (open > 0) {
    if (poll(inputs, (nfds_t)channels, -1) < 0) return 1;
    for (int i = 0; i < channels; ++i) {
      if (inputs[i].fd < 0 || inputs[i].revents == 0) continue;
      const ssize_t bytes = read(inputs[i].fd, buffer + SECTOR, FRAME_BYTES);
      if (bytes <= 0) {
        inputs[i].fd = -1;
        --open;
        continue;
      }
      memset(buffer, 0, SECTOR);
      const struct frame frame = {MAGIC, (uint32_t)strtoul(argv[2 + i], NULL, 10), (uint32_t)bytes};
      memcpy(buffer, &frame, sizeof frame);
      const uint32_t count = ((uint32_t)bytes + SECTOR - 1) / SECTOR;
      /* The frame's own sector comes last: the host sees whole frames only. */
      write_sectors(sector + 1, count, buffer + SECTOR);
      write_sectors(sector, 1, buffer);
      sector += 1 + count;
    }
  }
  printf("%u\n", sector);
  return 0;
}
