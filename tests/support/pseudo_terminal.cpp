#include "tests/support/pseudo_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <cstdlib>

#include "tests/support/patience.h"

namespace trapline::test {

PseudoTerminal::PseudoTerminal(const std::vector<std::string>& argv, unsigned short width,
                               unsigned short height) {
  const winsize size{height, width, 0, 0};
  int master = -1;
  int slave = -1;
  if (::openpty(&master, &slave, nullptr, nullptr, &size) != 0) std::abort();
  master_ = Fd(master);
  slave_ = Fd(slave);
  ::fcntl(master, F_SETFD, FD_CLOEXEC);
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::login_tty(::dup(slave));
  ::setenv("TERM", "xterm", 1);
  std::vector<char*> words;
  for (const std::string& word : argv)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

PseudoTerminal::~PseudoTerminal() {
  if (status_ >= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void PseudoTerminal::begin_answer() {
  while (read_some(0)) {
  }
  answer_ = written_.size();
}

void PseudoTerminal::type(const std::string& keys) {
  begin_answer();
  [[maybe_unused]] const ssize_t written = ::write(master_.get(), keys.data(), keys.size());
}

void PseudoTerminal::resize(unsigned short width, unsigned short height) {
  begin_answer();
  const winsize size{height, width, 0, 0};
  ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

bool PseudoTerminal::read_some(int timeout_ms) {
  pollfd end{master_.get(), POLLIN, 0};
  if (::poll(&end, 1, timeout_ms) <= 0) return false;
  char bytes[4096];
  const ssize_t got = ::read(master_.get(), bytes, sizeof bytes);
  if (got <= 0) return false;
  written_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

bool PseudoTerminal::wait_for(const std::string& text) {
  const Deadline deadline(kPatience);
  while (written_.find(text, answer_) == std::string::npos) {
    if (deadline.is_over()) return false;
    read_some(100);
  }
  return true;
}

termios PseudoTerminal::settings() const {
  termios settings{};
  ::tcgetattr(slave_.get(), &settings);
  return settings;
}

int PseudoTerminal::wait() {
  const Deadline deadline(kPatience);
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    read_some(50);
    if (deadline.is_over()) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status, 0);
      break;
    }
  }
  while (read_some(50)) {
  }
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

}  // namespace trapline::test
