#include "cli/held_command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace trapline::cli {
namespace {

Result<std::array<Fd, 2>> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("make", "a pipe", errno));
  return std::array{Fd(ends[0]), Fd(ends[1])};
}

// In the child, between fork and exec: system calls only.
[[noreturn]] void become(char* const* words, int gate, int complaints) {
  char byte = 0;
  if (::read(gate, &byte, 1) != 1) ::_exit(0);  // never let go
  ::execvp(words[0], words);
  const int error = errno;
  if (::write(complaints, &error, sizeof error) != sizeof error) ::_exit(126);
  ::_exit(127);
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

Result<HeldCommand> HeldCommand::hold(const std::vector<std::string>& words) {
  TRAPLINE_ASSIGN(gate, make_pipe());
  TRAPLINE_ASSIGN(complaints, make_pipe());
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));  // execvp does not write to them
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(system_error("start", words[0], errno));
  if (pid == 0) {
    gate[1].reset();  // or it would wait for itself
    become(arguments.data(), gate[0].get(), complaints[1].get());
  }
  return HeldCommand(pid, words[0], std::move(gate[1]), std::move(complaints[0]));
}

Status HeldCommand::let_go() {
  const char byte = 1;
  if (::write(gate_.get(), &byte, 1) != 1) return fail(system_error("start", name_, errno));
  gate_.reset();
  int error = 0;
  ssize_t got = 0;
  do
    got = ::read(complaints_.get(), &error, sizeof error);
  while (got < 0 && errno == EINTR);
  complaints_.reset();
  if (got == sizeof error)
    return fail(system_error("execute", name_, error, "give a command that is in PATH, or its path"));
  return {};
}

std::optional<int> HeldCommand::ended() {
  int wait_status = 0;
  if (!status_ && ::waitpid(pid_, &wait_status, WNOHANG) == pid_) status_ = status_of(wait_status);
  return status_;
}

int HeldCommand::wait() {
  int wait_status = 0;
  while (!status_) {
    const pid_t ended = ::waitpid(pid_, &wait_status, 0);
    if (ended == pid_) status_ = status_of(wait_status);
    if (ended < 0 && errno != EINTR) status_ = 127;
  }
  return *status_;
}

void HeldCommand::send(int signal) const {
  if (!status_) ::kill(pid_, signal);
}

}  // namespace trapline::cli
