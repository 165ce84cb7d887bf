#include "tool/control/asking.hpp"

#include <ostream>

namespace tool {

using base::Exit;

base::Expected<ControlOptions, Exit> control_options(const CommonOptions& common, World& world) {
    ControlOptions options;
    options.by = world.by;
    if (!common.control.empty()) {
        options.path = common.control;
        return options;
    }
    auto found = world.find_control(common.config);
    if (!found) {
        world.err << "stsmap: " << found.error() << '\n';
        return base::unexpected(Exit::usage);
    }
    options.path = *std::move(found);
    return options;
}

Exit report(const ControlError& error, World& world) {
    using Kind = ControlError::Kind;
    world.out.flush();
    world.err << "stsmap: ";
    if (error.code == "bad-request" && !error.field.empty()) world.err << error.field << ": ";
    world.err << error.words << '\n';
    if (error.retry_after_s && error.words.find(" again in ") == std::string::npos)
        world.err << "stsmap: try again in " << *error.retry_after_s << " s\n";
    if (error.code == "no-permission") world.err << "stsmap: root may do it, as with sudo\n";
    if (error.code == "needs-yes") world.err << "stsmap: with --yes it is done all the same\n";
    switch (error.kind) {
    case Kind::bad_path: return Exit::usage;
    case Kind::refused: return error.code == "bad-request" ? Exit::usage : Exit::trouble;
    case Kind::no_daemon:
    case Kind::no_permission:
    case Kind::timeout:
    case Kind::broken:
    case Kind::stopped: return Exit::unreachable;
    }
    return Exit::unreachable;
}

void print_line(const Json& object, World& world) {
    world.out << object.dump(-1, ' ', true, Json::error_handler_t::replace) << '\n';
}

Exit flushed(Exit status, World& world) {
    if (world.out.flush()) return status;
    world.err << "stsmap: the output cannot be written\n";
    return Exit::trouble;
}

Exit ask_and_print(const CommonOptions& common, World& world, const ControlRequest& request, bool json,
                   const std::function<std::string(const Json&)>& text) {
    auto options = control_options(common, world);
    if (!options) return options.error();
    ControlClient client(*std::move(options));
    const auto reply = client.ask(request);
    if (!reply) return report(reply.error(), world);
    if (json)
        print_line(*reply, world);
    else
        world.out << text(*reply);
    return flushed(Exit::done, world);
}

} // namespace tool
