#include "cli/serve_once.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <future>

namespace trapline::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string ask(std::uint16_t port, const std::string& request) {
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return "no connection";
  if (::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "not sent";
  std::string answer;
  char part[4096];
  for (ssize_t got = 0; (got = ::recv(client.get(), part, sizeof part, 0)) > 0;)
    answer.append(part, static_cast<std::size_t>(got));
  return answer;
}

class ServeOnce : public testing::Test {
 protected:
  void SetUp() override {
    auto made = OneFileServer::listen("trace.pftrace", 0);
    ASSERT_TRUE(made) << made.error().what;
    server_.emplace(std::move(*made));
    port_ = server_->port();
    served_ = std::async(std::launch::async, [this] { return server_->serve("bytes\0of it", stop_); });
  }
  void TearDown() override { stop_ = true; }

  [[nodiscard]] std::string request(const std::string& line, const std::string& host = {}) const {
    return ask(port_, fmt::format("{} HTTP/1.1\r\nHost: {}\r\nOrigin: https://ui.perfetto.dev\r\n\r\n", line,
                                  host.empty() ? fmt::format("127.0.0.1:{}", port_) : host));
  }
  [[nodiscard]] bool serves() const {
    return served_.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout;
  }

  std::optional<OneFileServer> server_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::future<Status> served_;
};

TEST_F(ServeOnce, ServesTheFileToPerfettoOnceThenStops) {
  const std::string answer = request("GET /trace.pftrace");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nAccess-Control-Allow-Origin: https://ui.perfetto.dev\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nbytes"));
  EXPECT_TRUE(served_.get());
  server_.reset();
  EXPECT_EQ(request("GET /trace.pftrace"), "no connection");
}

TEST_F(ServeOnce, ServesNothingElseAndGoesOn) {
  EXPECT_THAT(request("GET /"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(request("GET /../etc/passwd"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(request("POST /trace.pftrace"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(request("HEAD /trace.pftrace"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(request("OPTIONS /trace.pftrace"), HasSubstr("Access-Control-Allow-Private-Network: true"));
  EXPECT_EQ(ask(port_, "nonsense\r\n\r\n"), "");
  EXPECT_TRUE(serves());
  EXPECT_THAT(request("GET /trace.pftrace"), HasSubstr("bytes"));
}

TEST_F(ServeOnce, RefusesAnotherSitesNameThatLeadsHere) {
  const std::string answer = request("GET /trace.pftrace", "evil.example:9001");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403"));
  EXPECT_EQ(answer.find("bytes"), std::string::npos);
  EXPECT_TRUE(serves());
}

TEST_F(ServeOnce, StopsWhenToldTo) {
  stop_ = true;
  const auto status = served_.get();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().what, HasSubstr("stopped before"));
}

TEST_F(ServeOnce, APortThatIsTakenIsNamed) {
  const auto second = OneFileServer::listen("x", port_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr(fmt::format("127.0.0.1:{}", port_)));
}

TEST(ServeOncePage, OpensPerfettoWithTheAddress) {
  const auto server = OneFileServer::listen("trapline.pftrace.gz", 0);
  ASSERT_TRUE(server);
  EXPECT_EQ(
      server->page_url(),
      fmt::format("https://ui.perfetto.dev/#!/?url=http://127.0.0.1:{}/trapline.pftrace.gz", server->port()));
}

}  // namespace
}  // namespace trapline::cli
