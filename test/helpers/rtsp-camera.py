"""A camera for tests: a real RTSP server (gst-rtsp-server) whose picture is a clock.

Every frame shows the wall clock's milliseconds, modulo 2**BITS, at the moment it was made: BITS upright bars, bar i white where bit i is set.
Prints one line, `ready PORT`, when it serves; ends when its standard input does.
"""
import argparse
import sys
import threading
import time

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtsp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

BITS = 20


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', default='0')
    parser.add_argument('--path', default='/stream')
    parser.add_argument('--width', type=int, default=640)
    parser.add_argument('--height', type=int, default=360)
    parser.add_argument('--fps', type=int, default=25)
    parser.add_argument('--codec', choices=['h264', 'jpeg'], default='h264')
    parser.add_argument('--transport', choices=['any', 'tcp', 'udp'], default='any')
    parser.add_argument('--auth', choices=['none', 'basic', 'digest'], default='none')
    parser.add_argument('--user', default='admin')
    parser.add_argument('--password', default='')
    return parser.parse_args()


class Clock(GstRtspServer.RTSPMediaFactory):
    """Makes the frames of one camera, for as long as somebody looks."""

    def __init__(self, options):
        super().__init__()
        self.options = options
        encoder = {
            'h264': f'x264enc tune=zerolatency speed-preset=ultrafast key-int-max={options.fps} bframes=0 quantizer=18 pass=quant ! rtph264pay name=pay0 pt=96 config-interval=-1',
            'jpeg': 'jpegenc quality=90 ! rtpjpegpay name=pay0 pt=26',
        }[options.codec]
        self.set_launch(
            f'( appsrc name=clock is-live=true do-timestamp=true format=time max-bytes=0 '
            f'caps=video/x-raw,format=GRAY8,width={options.width},height={options.height},framerate={options.fps}/1 '
            f'! videoconvert ! video/x-raw,format=I420 ! {encoder} )'
        )
        # Each client has its own: a shared one that ends with its last client could be taken up by the next in that very moment, and then answer
        # everything and send nothing.
        self.set_shared(False)
        self.set_latency(0)
        self.set_suspend_mode(GstRtspServer.RTSPSuspendMode.NONE)

    def do_configure(self, media):
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        source = media.get_element().get_by_name_recurse_up('clock')
        gone = threading.Event()
        media.connect('unprepared', lambda _media: gone.set())
        threading.Thread(target=self.feed, args=(source, gone), daemon=True).start()

    def feed(self, source, gone):
        options = self.options
        interval = 1.0 / options.fps
        due = time.monotonic()
        edges = [round(bit * options.width / BITS) for bit in range(BITS + 1)]
        # Rows of gray pictures are padded to four bytes.
        padding = bytes(-options.width % 4)
        while not gone.is_set():
            now_ms = int(time.time() * 1000) % (1 << BITS)
            row = b''.join((b'\xeb' if now_ms >> bit & 1 else b'\x10') * (edges[bit + 1] - edges[bit]) for bit in range(BITS))
            # It may be refused for a moment, while the media changes its state.
            source.emit('push-buffer', Gst.Buffer.new_wrapped((row + padding) * options.height))
            due += interval
            time.sleep(max(0.0, due - time.monotonic()))


def authentication(options):
    auth = GstRtspServer.RTSPAuth()
    methods = {'basic': GstRtsp.RTSPAuthMethod.BASIC, 'digest': GstRtsp.RTSPAuthMethod.DIGEST}
    auth.set_supported_methods(methods[options.auth])
    token = GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'viewer')
    if options.auth == 'basic':
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    else:
        auth.add_digest(options.user, options.password, token)
    return auth


def main():
    options = parse_arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address('127.0.0.1')
    server.set_service(options.port)
    factory = Clock(options)
    lower = GstRtsp.RTSPLowerTrans
    factory.set_protocols({'any': lower.TCP | lower.UDP, 'tcp': lower.TCP, 'udp': lower.UDP}[options.transport])
    if options.auth != 'none':
        server.set_auth(authentication(options))
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role('viewer', 'media.factory.access', True)
        permissions.add_permission_for_role('viewer', 'media.factory.construct', True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(options.path, factory)
    if server.attach(None) == 0:
        sys.exit('cannot listen')
    loop = GLib.MainLoop()

    def end_with_input():
        sys.stdin.read()
        loop.quit()

    threading.Thread(target=end_with_input, daemon=True).start()
    # Without it, sessions of clients that vanished are kept.
    GLib.timeout_add_seconds(2, lambda: server.get_session_pool().cleanup() >= 0)
    print(f'ready {server.get_bound_port()}', flush=True)
    loop.run()


main()
