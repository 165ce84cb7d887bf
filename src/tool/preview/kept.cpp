#include "tool/preview/kept.hpp"

#include "base/text.hpp"
#include "base/utc.hpp"
#include "tool/show/safe_text.hpp"
#include "tool/show/times.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace preview {

using tool::Json;

bool may_be_kept(const Checked& checked) noexcept {
    return checked.kind != Kind::unknown && (checked.kind != Kind::testing || checked.enforced);
}

Json kept_line(const Checked& checked, std::string_view postfix) {
    Json line{{"schema", tool::control_schema},
              {"domain", checked.domain},
              {"postfix", postfix},
              {"at", base::utc(checked.at)},
              {"verdict", to_string(checked.kind)}};
    const auto put = [&line](const char* name, const std::string& text) {
        if (!text.empty()) line[name] = text;
    };
    put("mode", checked.mode);
    if (checked.enforced) line["enforced"] = to_string(*checked.enforced);
    put("said", checked.said);
    put("words", checked.words);
    put("finding", checked.finding);
    if (!checked.hosts.empty()) line["hosts"] = checked.hosts;
    return line;
}

std::optional<Checked> read_kept(std::string_view text, std::string_view postfix, base::Instant now) {
    if (text.size() > max_kept_line) return std::nullopt;
    const auto line = tool::parse_object(text);
    if (!line || tool::text_of(*line, "postfix") != postfix) return std::nullopt;
    const auto at = tool::parse_time(tool::text_of(*line, "at"));
    const auto kind = parse_kind(tool::text_of(*line, "verdict"));
    if (!at || !kind || *kind == Kind::elsewhere) return std::nullopt;
    if (*at > now || now - *at >= kept_for) return std::nullopt;
    Checked made;
    made.domain = tool::text_of(*line, "domain");
    if (made.domain.empty()) return std::nullopt;
    made.kind = *kind;
    made.at = *at;
    made.mode = tool::text_of(*line, "mode");
    made.enforced = parse_kind(tool::text_of(*line, "enforced"));
    made.said = tool::safe_text(tool::text_of(*line, "said"), max_kept_line);
    made.words = tool::safe_text(tool::text_of(*line, "words"), max_kept_line);
    made.finding = tool::safe_text(tool::text_of(*line, "finding"), max_kept_line);
    if (const Json& hosts = tool::member_of(*line, "hosts"); hosts.is_array())
        for (const Json& host : hosts)
            if (host.is_string()) made.hosts.push_back(host.get<std::string>());
    if (!may_be_kept(made)) return std::nullopt;
    return made;
}

base::Expected<Kept, std::string> Kept::open(const std::string& path, std::string postfix, base::Instant now,
                                             bool afresh) {
    Kept kept;
    kept.postfix_ = std::move(postfix);
    if (!afresh) {
        std::ifstream before(path, std::ios::binary);
        for (std::string line; std::getline(before, line);)
            if (auto checked = read_kept(line, kept.postfix_, now)) {
                std::string domain = checked->domain;
                kept.known_.insert_or_assign(std::move(domain), *std::move(checked));
            }
    }
    const auto failed = [&path](int error) {
        return base::unexpected("cannot write " + base::printable(path, 200) + ": " +
                                std::generic_category().message(error));
    };
    std::error_code error;
    const std::filesystem::path file(path);
    if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
    if (error) return failed(error.value());
    // What is too old, or by other eyes, goes: the file stays as long as the list of domains.
    const std::string fresh = path + ".new";
    errno = 0;
    {
        std::ofstream rewritten(fresh, std::ios::binary | std::ios::trunc);
        for (const auto& [domain, checked] : kept.known_)
            rewritten << kept_line(checked, kept.postfix_).dump(-1, ' ', true, Json::error_handler_t::replace)
                      << '\n';
        if (!rewritten.flush()) return failed(errno == 0 ? EIO : errno);
    }
    std::filesystem::rename(fresh, file, error);
    if (error) return failed(error.value());
    kept.file_.open(path, std::ios::binary | std::ios::app);
    if (!kept.file_) return failed(errno == 0 ? EIO : errno);
    return kept;
}

void Kept::add(const Checked& checked) {
    file_ << kept_line(checked, postfix_).dump(-1, ' ', true, Json::error_handler_t::replace) << '\n'
          << std::flush;
    known_.insert_or_assign(checked.domain, checked);
}

std::string default_kept() {
    const auto variable = [](const char* name) {
        const char* const value = std::getenv(name);
        return std::string(value == nullptr ? "" : value);
    };
    constexpr const char* file = "/stsmap/preview.jsonl";
    if (const std::string cache = variable("XDG_CACHE_HOME"); cache.starts_with('/')) return cache + file;
    if (const std::string home = variable("HOME"); home.starts_with('/')) return home + "/.cache" + file;
    return "";
}

} // namespace preview
