#include "tests/support/background.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace trapline::test {
namespace {

using namespace std::chrono_literals;

Fd memory_file(const char* name) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) std::abort();
  // All writers append, also those that open it anew through /dev/stderr.
  ::fcntl(fd, F_SETFL, O_APPEND);
  return Fd(fd);
}

std::string contents(const Fd& fd) {
  std::string text;
  char buffer[65536];
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(fd.get(), buffer, sizeof buffer, at);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    at += got;
  }
}

[[noreturn]] void become(const std::vector<std::string>& argv, const std::function<void()>& before_exec,
                         int in, int out, int err) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  if (before_exec) before_exec();
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

Background::Background(const std::vector<std::string>& argv, const std::function<void()>& before_exec)
    : out_(memory_file("stdout")), err_(memory_file("stderr")) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const Fd in(ends[0]);
  input_ = Fd(ends[1]);
  pid_ = ::fork();
  if (pid_ == 0) become(argv, before_exec, in.get(), out_.get(), err_.get());
  end_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));  // glibc 2.36 declares it for C only
}

Background::~Background() {
  if (!reaped_) wait(0s);
}

std::string Background::out() const {
  return contents(out_);
}

std::string Background::err() const {
  return contents(err_);
}

// "CapEff:\t0000000000000000" -> {"CapEff", "0000000000000000"}
std::map<std::string, std::string> Background::status() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  std::map<std::string, std::string> fields;
  for (std::string name, value; in >> name && std::getline(in >> std::ws, value);)
    fields[name.substr(0, name.size() - 1)] = value;
  return fields;
}

void Background::type(std::string_view text) const {
  // A program that has ended does not read.
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  [[maybe_unused]] const ssize_t written = ::write(input_.get(), text.data(), text.size());
  ::signal(SIGPIPE, before);
}

void Background::signal(int number) const {
  if (!reaped_) ::kill(pid_, number);
}

bool Background::ends(std::chrono::milliseconds within) const {
  pollfd end{end_.get(), POLLIN, 0};
  return reaped_ || ::poll(&end, 1, static_cast<int>(within.count())) == 1;
}

bool Background::says(std::string_view text, std::chrono::seconds within) const {
  const Deadline deadline(within);
  for (;;) {
    const bool last = ends(20ms) || deadline.is_over();
    if (out().find(text) != std::string::npos || err().find(text) != std::string::npos) return true;
    if (last) return false;
  }
}

CommandResult Background::wait(std::chrono::seconds within) {
  if (reaped_) return result_;
  constexpr std::chrono::milliseconds kNoLimit{-1};
  if (!ends(within > 0s && time_is_counted() ? kNoLimit : within)) ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  reaped_ = true;
  result_ = {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out(), err()};
  return result_;
}

}  // namespace trapline::test
