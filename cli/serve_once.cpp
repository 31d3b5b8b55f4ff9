#include "cli/serve_once.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>

namespace trapline::cli {
namespace {

constexpr std::size_t kLongestRequest = 16 << 10;
constexpr int kPollMs = 200;
constexpr timeval kPatience{10, 0};  // with a client that neither sends nor takes anything

struct Request {
  std::string method;
  std::string path;
  std::string host;
};

std::string lower(std::string_view text) {
  std::string made(text);
  std::ranges::transform(made, made.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return made;
}

std::optional<Request> parse(std::string_view text) {
  const std::size_t method_end = text.find(' ');
  const std::size_t path_end = text.find(' ', method_end + 1);
  const std::size_t line_end = text.find("\r\n");
  if (method_end == std::string_view::npos || path_end == std::string_view::npos || path_end > line_end)
    return std::nullopt;
  Request request{std::string(text.substr(0, method_end)),
                  std::string(text.substr(method_end + 1, path_end - method_end - 1)),
                  {}};
  std::size_t at = line_end + 2;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && lower(line.substr(0, colon)) == "host") {
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      if (value != std::string_view::npos) request.host = lower(line.substr(value));
    }
    at = end + 2;
  }
  return request;
}

// Until the empty line that ends the head; none where the client says nothing sensible.
std::optional<Request> read_request(int client) {
  std::string text;
  char buffer[2048];
  while (text.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || text.size() + static_cast<std::size_t>(got) > kLongestRequest) return std::nullopt;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return parse(text);
}

bool send_all(int client, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string head(std::string_view status, std::size_t length) {
  return fmt::format(
      "HTTP/1.1 {}\r\n"
      "Access-Control-Allow-Origin: {}\r\n"
      "Access-Control-Allow-Methods: GET, HEAD\r\n"
      "Access-Control-Allow-Private-Network: true\r\n"
      "Vary: Origin\r\n"
      "Cache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n"
      "Content-Type: application/octet-stream\r\n"
      "Content-Length: {}\r\n"
      "Connection: close\r\n\r\n",
      status, OneFileServer::kPerfetto, length);
}

}  // namespace

Result<OneFileServer> OneFileServer::listen(std::string name, std::uint16_t port) {
  Fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!server) return fail(system_error("make", "a socket", errno));
  const int yes = 1;
  // The port may still be held by a connection of the last time.
  if (::setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)
    return fail(system_error("set up", "a socket", errno));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(server.get(), any, size) != 0 || ::listen(server.get(), 8) != 0) {
    return fail(system_error("listen on", fmt::format("127.0.0.1:{}", port), errno,
                             "Perfetto's UI may fetch from this port only: end the program that has it (ss "
                             "-ltnp), or export DIR --format perfetto and open the file there"));
  }
  if (::getsockname(server.get(), any, &size) != 0)
    return fail(system_error("ask for", "the port of a socket", errno));
  return OneFileServer(std::move(server), std::move(name), ntohs(address.sin_port));
}

std::string OneFileServer::page_url() const {
  return fmt::format("{}/#!/?url=http://127.0.0.1:{}/{}", kPerfetto, port_, name_);
}

Status OneFileServer::serve(std::string_view content, const std::atomic<bool>& stop) {
  const std::string path = "/" + name_;
  const std::string addresses[] = {fmt::format("127.0.0.1:{}", port_), fmt::format("localhost:{}", port_)};
  while (!stop) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, kPollMs);
    if (ready < 0 && errno != EINTR) return fail(system_error("wait for", "a connection", errno));
    if (ready <= 0) continue;
    const Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) continue;
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    ::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    const auto request = read_request(client.get());
    if (!request) continue;
    const auto answer = [&](std::string_view status, std::size_t length = 0) {
      return send_all(client.get(), head(status, length));
    };
    const bool ours = std::ranges::find(addresses, request->host) != std::end(addresses);
    if (!ours) {
      answer("403 Forbidden");
    } else if (request->method == "OPTIONS") {
      answer("204 No Content");
    } else if (request->path != path) {
      answer("404 Not Found");
    } else if (request->method == "HEAD") {
      answer("200 OK", content.size());
    } else if (request->method != "GET") {
      answer("405 Method Not Allowed");
    } else if (answer("200 OK", content.size()) && send_all(client.get(), content)) {
      return {};
    }
  }
  return fail("stopped before anybody fetched the trace");
}

}  // namespace trapline::cli
