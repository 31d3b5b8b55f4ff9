#include "cli/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/file.h"

namespace trapline::cli {
namespace {

constexpr std::string_view kTake = "\x1b[?1049h\x1b[?25l";  // the other screen, no cursor
constexpr std::string_view kGiveBack = "\x1b[?25h\x1b[?1049l";

// For signal handlers: what the terminal was before.
termios before;
volatile sig_atomic_t taken = 0;

void give_back() {
  if (taken == 0) return;
  taken = 0;
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, kGiveBack.data(), kGiveBack.size());
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

// Its action is the default one again (SA_RESETHAND).
void die_of(int signal) {
  give_back();
  ::raise(signal);
}

void note_size(int /*signal*/) {}  // it is enough that waiting is over

void handle(int signal, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

bool have_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0 && kind != nullptr &&
         std::string_view(kind) != "dumb";
}

Result<Terminal> Terminal::take() {
  if (::tcgetattr(STDIN_FILENO, &before) != 0) return fail(system_error("look at", "the terminal", errno));
  for (const int signal : {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    handle(signal, die_of, static_cast<int>(SA_RESETHAND));
  handle(SIGWINCH, note_size, 0);
  // They come only while it waits, so that none is overlooked before.
  sigset_t mine;
  sigset_t outside;
  sigemptyset(&mine);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH})
    sigaddset(&mine, signal);
  ::sigprocmask(SIG_BLOCK, &mine, &outside);
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  // Ctrl-Z would leave the terminal as it is now.
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;
  taken = 1;
  if (::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
    return fail(system_error("set", "the terminal", errno));
  Terminal terminal(outside);
  TRAPLINE_TRY(write_all(STDOUT_FILENO, std::as_bytes(std::span(kTake)), "the terminal"));
  return terminal;
}

Terminal::Terminal(Terminal&& other) noexcept
    : owned_(std::exchange(other.owned_, false)), outside_(other.outside_) {}

Terminal::~Terminal() {
  if (owned_) give_back();
}

viewer::ScreenSize Terminal::size() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

Status Terminal::show(std::string_view screen) const {
  std::string bytes = "\x1b[H";
  for (const char c : screen) {
    if (c == '\n')
      bytes += "\x1b[K\r\n";
    else
      bytes += c;
  }
  bytes += "\x1b[K\x1b[J";
  return write_all(STDOUT_FILENO, std::as_bytes(std::span(bytes)), "the terminal");
}

Result<std::string> Terminal::wait_for_keys(std::chrono::milliseconds at_most) const {
  pollfd keyboard{STDIN_FILENO, POLLIN, 0};
  const auto wait_ms = std::max<std::int64_t>(at_most.count(), 0);
  const timespec wait{wait_ms / 1000, wait_ms % 1000 * 1'000'000};
  const int ready = ::ppoll(&keyboard, 1, &wait, &outside_);
  if (ready < 0 && errno != EINTR) return fail(system_error("wait for", "the keyboard", errno));
  if (ready <= 0) return std::string{};
  char keys[64];
  const ssize_t got = ::read(STDIN_FILENO, keys, sizeof keys);
  if (got <= 0) return fail(system_error("read", "the keyboard", got == 0 ? EIO : errno));
  return std::string(keys, static_cast<std::size_t>(got));
}

}  // namespace trapline::cli
