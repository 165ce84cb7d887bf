"""One nginx in a folder of its own."""

import os

from pylib.net import listening
from pylib.process import Process, children

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx(Process):
    """`http`: what stands in its block http, server blocks too. Returns when it listens at all `addresses`, pairs of
    address and port. Its own log is error.log, and access.log where `http` names the format "short"."""

    def __init__(self, folder, http, addresses, connections=512):
        os.makedirs(folder, exist_ok=True)
        conf = os.path.join(folder, "nginx.conf")
        places = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in TEMPORARY)
        with open(conf, "w", encoding="ascii") as file:
            # Workers as root: the folder is ours alone, and there is no other network.
            file.write(
                f"user root; daemon off; worker_processes 1; pid {folder}/nginx.pid;\n"
                f"error_log {folder}/error.log info;\nevents {{ worker_connections {connections}; }}\n"
                f"http {{\n{places}\ntypes {{}} default_type text/plain; server_names_hash_bucket_size 128;\n"
                f"{http}}}\n"
            )
        command = ["nginx", "-c", conf, "-e", os.path.join(folder, "error.log")]
        super().__init__("nginx", command, os.path.join(folder, "nginx.out"))
        self.wait_until(lambda: all(listening(*each) for each in addresses), "listening")

    def signal_all(self, number):
        """To its workers as well."""
        for each in [*children(self.pid), self.pid]:
            os.kill(each, number)
