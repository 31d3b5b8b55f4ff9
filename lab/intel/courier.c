/* courier.c: in the Intel machine, runs the command and brings what it says and makes to the host.
 *
 * usage: courier run      the command in /lab/command, in the folder in /lab/folder, with the variables in
 * /lab/environment courier failed TEXT
 *
 * Bochs has no device that shares a folder, and its serial ports take 87 us for a byte. Its disks are files
 * on the host, so the second one carries the output: written here by programmed I/O, as no driver is loaded
 * for it. It holds records: four 32-bit words (magic, sequence, kind, size), then as many bytes, padded to
 * whole sectors. A record's first sector is written last: the host (follow_disk) reads while we write, and
 * takes a record that it can see to be whole. A program of its own also because its run is the same every
 * time, and a few thousand instructions long. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { stdout_record = 1, stderr_record, files_record, status_record, failure_record, begun_record };

enum {
  sector_bytes = 512,
  record_sectors = 128, /* fits the 8 bits of the sector count */
  record_magic = 0x42414C54,
};

/* The second ATA channel (ATA-6, chapters 7 and 9). */
enum {
  ata_data = 0x170,
  ata_count = 0x172,
  ata_lba_low = 0x173,
  ata_lba_mid = 0x174,
  ata_lba_high = 0x175,
  ata_device = 0x176,
  ata_command = 0x177, /* read: status */
  ata_control = 0x376,
  ata_no_interrupts = 0x02,
  ata_by_lba = 0xe0,
  ata_write_sectors = 0x30,
  ata_busy = 0x80,
  ata_wants_data = 0x08,
  ata_error = 0x01,
};

struct record {
  uint32_t magic, sequence, kind, size;
  uint8_t payload[record_sectors * sector_bytes - 16];
};
_Static_assert(sizeof(struct record) == (size_t)record_sectors * sector_bytes, "whole sectors");

static struct record record;
static uint32_t next_sequence, next_sector;

static void die(const char* what) {
  fprintf(stderr, "courier: %s: %s\n", what, strerror(errno));
  exit(125);
}

static uint8_t ata_wait(void) {
  uint8_t status;
  do {
    status = inb(ata_command);
  } while ((status & ata_busy) != 0);
  return status;
}

static void write_sectors(uint32_t first, const uint8_t* data, uint32_t count) {
  if (count == 0) return;
  outb((uint8_t)(ata_by_lba | first >> 24), ata_device);
  outb((uint8_t)count, ata_count);
  outb((uint8_t)first, ata_lba_low);
  outb((uint8_t)(first >> 8), ata_lba_mid);
  outb((uint8_t)(first >> 16), ata_lba_high);
  outb(ata_write_sectors, ata_command);
  for (uint32_t i = 0; i < count; i++) {
    if ((ata_wait() & (ata_wants_data | ata_error)) != ata_wants_data) {
      errno = ENOSPC;
      die("second disk");
    }
    outsw(ata_data, data + (size_t)i * sector_bytes, sector_bytes / 2);
  }
  ata_wait();
}

/* What is in record.payload goes out. */
static void put(uint32_t kind, uint32_t size) {
  const uint32_t sectors = (uint32_t)((16 + size + sector_bytes - 1) / sector_bytes);
  record.magic = record_magic;
  record.sequence = next_sequence++;
  record.kind = kind;
  record.size = size;
  const uint8_t* bytes = (const uint8_t*)&record;
  write_sectors(next_sector + 1, bytes + sector_bytes, sectors - 1);
  write_sectors(next_sector, bytes, 1);
  next_sector += sectors;
}

static void put_text(uint32_t kind, const char* text) {
  const size_t size = strlen(text) < sizeof record.payload ? strlen(text) : sizeof record.payload;
  memcpy(record.payload, text, size);
  put(kind, (uint32_t)size);
}

/* A file of strings that each end in NUL, as an array that ends in NULL. */
static char** strings_of(const char* path) {
  struct stat info;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &info) < 0) die(path);
  char* text = malloc((size_t)info.st_size + 1);
  if (text == NULL || read(fd, text, (size_t)info.st_size) != info.st_size) die(path);
  close(fd);
  size_t count = 0;
  for (off_t i = 0; i < info.st_size; i++)
    count += text[i] == '\0';
  char** strings = calloc(count + 1, sizeof *strings);
  if (strings == NULL) die(path);
  for (size_t i = 0; i < count; i++, text += strlen(text) + 1)
    strings[i] = text;
  return strings;
}

/* Starts a program with our pipes as its streams and no signal blocked; err < 0 leaves it the console. */
static pid_t start(char** words, char** variables, const char* folder, int out, int err) {
  if (words[0] == NULL || folder == NULL) {
    errno = EINVAL;
    die("/lab/command or /lab/folder is empty");
  }
  const pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid > 0) return pid;
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  if (err >= 0) dup2(err, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  environ = variables;
  if (chdir(folder) < 0) {
    fprintf(stderr, "lab: cannot enter %s: %s\n", folder, strerror(errno));
    _exit(125);
  }
  execvp(words[0], words);
  fprintf(stderr, "lab: cannot run %s: %s\n", words[0], strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

/* Waits, with a signal's number above 128 as a shell has it. */
static int status_of(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Copies until every writer of the pipes is gone; what the command left running would hold them open for
 * ever, so it is killed when the command itself has ended (kill -1 leaves process 1 and ourselves). */
static int carry(pid_t pid, struct pollfd* pipes, const uint32_t* kinds, nfds_t count) {
  nfds_t open_pipes = count;
  int ended = 0, status = 0;
  while (open_pipes > 0) {
    /* SIGCHLD is blocked but here, so it cannot come between a look and the wait. */
    sigset_t none;
    sigemptyset(&none);
    const int ready = ppoll(pipes, count, NULL, &none);
    if (ready < 0 && errno != EINTR) die("ppoll");
    siginfo_t info = {0};
    if (!ended && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid) {
      status = status_of(pid);
      ended = 1;
      kill(-1, SIGKILL);
    }
    for (nfds_t i = 0; ready > 0 && i < count; i++) {
      if (pipes[i].fd < 0 || pipes[i].revents == 0) continue;
      const ssize_t size = read(pipes[i].fd, record.payload, sizeof record.payload);
      if (size > 0) {
        put(kinds[i], (uint32_t)size);
      } else {
        close(pipes[i].fd);
        pipes[i].fd = -1;
        open_pipes--;
      }
    }
  }
  return ended ? status : status_of(pid);
}

static void on_child(int signal) {
  (void)signal;
}

static void run(void) {
  struct sigaction action = {.sa_handler = on_child};
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigaction(SIGCHLD, &action, NULL);
  sigprocmask(SIG_BLOCK, &child, NULL);

  int out[2], err[2], files[2];
  if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 || pipe2(files, O_CLOEXEC) < 0) die("pipe");
  put_text(begun_record, "");
  const pid_t command = start(strings_of("/lab/command"), strings_of("/lab/environment"),
                              strings_of("/lab/folder")[0], out[1], err[1]);
  close(out[1]);
  close(err[1]);
  struct pollfd streams[] = {{.fd = out[0], .events = POLLIN}, {.fd = err[0], .events = POLLIN}};
  const int status = carry(command, streams, (const uint32_t[]){stdout_record, stderr_record}, 2);

  char* collect[] = {"/lab/collect", NULL};
  char* variables[] = {"PATH=/bin", NULL};
  const pid_t collector = start(collect, variables, strings_of("/lab/out")[0], files[1], -1);
  close(files[1]);
  struct pollfd archive = {.fd = files[0], .events = POLLIN};
  if (carry(collector, &archive, (const uint32_t[]){files_record}, 1) != 0) {
    put_text(failure_record, "what the command left in out/ could not be packed");
    return;
  }
  char text[16];
  snprintf(text, sizeof text, "%d\n", status);
  put_text(status_record, text);
}

int main(int argc, char** argv) {
  if (ioperm(ata_data, 8, 1) < 0 || ioperm(ata_control, 1, 1) < 0) die("ioperm");
  outb(ata_no_interrupts, ata_control);
  if (argc == 3 && strcmp(argv[1], "failed") == 0) {
    put_text(failure_record, argv[2]);
  } else if (argc == 2 && strcmp(argv[1], "run") == 0) {
    run();
  } else {
    return 2;
  }
  return 0;
}
