#include "base/privileges.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/file.h"

namespace trapline {
namespace {

bool has_line(const std::string& status, const std::string& line) {
  return status.find("\n" + line + "\n") != std::string::npos;
}

// In a child: there is no way back.
TEST(Privileges, AreGivenUpForGood) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!drop_privileges()) ::_exit(1);
    const auto status = read_text_file("/proc/self/status");
    if (!status) ::_exit(2);
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
      if (!has_line(*status, std::string(set) + ":\t0000000000000000")) ::_exit(3);
    }
    if (!has_line(*status, "NoNewPrivs:\t1")) ::_exit(4);
    // Twice is no error: there is nothing left to give up.
    ::_exit(drop_privileges() ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace trapline
