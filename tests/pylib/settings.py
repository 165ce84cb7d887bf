"""Settings of the daemon's configuration: Python values as TOML."""


def toml(value):
    """A value; dictionaries become inline tables."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def merged(settings, changes):
    """The settings with the changes on top, tables name by name; None leaves a setting out."""
    result = dict(settings)
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = {**result[name], **value}
        else:
            result[name] = value
    return result


def document(settings):
    """The whole configuration: dictionaries become tables, None leaves a setting out."""
    lines = [
        f"{name} = {toml(value)}"
        for name, value in settings.items()
        if value is not None and not isinstance(value, dict)
    ]
    for name, table in settings.items():
        if isinstance(table, dict):
            lines.append(f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in table.items() if value is not None]
    return "\n".join(lines) + "\n"
