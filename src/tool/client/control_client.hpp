// tool/client/control_client.hpp - asks a running daemon over its control socket: HTTP/1.1, one request at a time.
//
// Blocking, for the tool: each step has a time limit, and a stop token ends what runs. One thread at a time. What
// comes from the other end is not trusted: lengths are limited, JSON is checked; words for a person have to be made
// printable before they reach a terminal, but those of errors are.
#pragma once

#include "base/expected.hpp"
#include "tool/client/control_text.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace tool {

inline constexpr std::string_view default_control = "/run/stsmapd/control";

struct ControlError {
    enum class Kind {
        bad_path,      ///< no path of a socket
        no_daemon,     ///< no such socket, or nobody listens
        no_permission, ///< to connect
        refused,       ///< a reply that says why not
        timeout,
        broken,  ///< the connection ended early, or this is not the daemon's HTTP
        stopped, ///< by the stop token
    };
    Kind kind{};
    std::string words; ///< for a person; printable; names the path unless it is the daemon's own
    // Of a refusal:
    unsigned status = 0;
    std::string code, field;                   ///< as in the reply; printable
    std::optional<std::int64_t> retry_after_s; ///< code "wait"
};

struct ControlOptions {
    std::string path{default_control};
    std::string by; ///< on whose behalf (SUDO_USER); sent with each request that changes something; "" nobody
    std::chrono::milliseconds connect_limit{5'000};
    std::chrono::milliseconds reply_limit{150'000}; ///< to the end of a reply; of a stream: to its head
    std::chrono::milliseconds idle_limit{
        60'000}; ///< of a stream, and while a body is sent: without any octet
    std::stop_token stop;
};

struct ControlRequest {
    std::string_view method = "GET";
    std::string target; ///< control_text.hpp
    std::string body{}; ///< JSON; "" none
    /// A long body instead, as JSON lines: the next piece, nullopt at the end. It may block.
    std::function<std::optional<std::string>()> pieces{};
};

class ControlClient {
public:
    static constexpr std::size_t max_reply = std::size_t{64}
                                             << 20; ///< octets of a reply that is not a stream

    explicit ControlClient(ControlOptions options);
    ControlClient(ControlClient&&) noexcept;
    ControlClient& operator=(ControlClient&&) noexcept;
    ~ControlClient();

    /// The object of a reply. Connects when it has to; a connection that the daemon closed between two requests is
    /// replaced once.
    [[nodiscard]] base::Expected<Json, ControlError> ask(const ControlRequest& request);

    /// A reply that is no JSON, whatever its status. A refusal in JSON is an error.
    struct Document {
        unsigned status = 0;
        std::string text; ///< UTF-8 without control characters but the ends of lines
    };
    [[nodiscard]] base::Expected<Document, ControlError> document(const std::string& target);

    /// Calls `on_line` for each object of a stream, until it returns false or the stream ends. nullopt: all came, or
    /// on_line had enough. `endless`: the stream has no limit on its silence.
    [[nodiscard]] std::optional<ControlError> lines(const ControlRequest& request,
                                                    const std::function<bool(const Json&)>& on_line,
                                                    bool endless = false);

    [[nodiscard]] const ControlOptions& options() const noexcept { return options_; }

private:
    struct Connection;
    struct Head;
    [[nodiscard]] std::optional<ControlError> connect();
    [[nodiscard]] std::optional<ControlError> exchange(const ControlRequest& request, Head& head);
    [[nodiscard]] std::optional<ControlError> begin(const ControlRequest& request, Head& head);
    [[nodiscard]] base::Expected<std::string, ControlError> whole(Head& head);
    [[nodiscard]] base::Expected<Json, ControlError> judge(unsigned status, std::string_view text) const;
    [[nodiscard]] ControlError error(ControlError::Kind kind, std::string_view words) const;

    ControlOptions options_;
    std::unique_ptr<Connection> connection_; ///< null: none that can be used
};

} // namespace tool
