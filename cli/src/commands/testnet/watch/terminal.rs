//! The terminal of the dashboard: a screen of its own, without a cursor, that is given back as it was whatever happens.

use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::Notify;

/// Another screen, no cursor, no wrapping of lines that are too long.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Between these a terminal that can shows nothing, so that a frame appears whole.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";
/// For a terminal that does not tell its size: columns and rows.
const USUAL: (usize, usize) = (100, 30);

/// The screen, as long as it lives.
pub(super) struct Screen {
    before: Option<Termios>,
    stop: Arc<AtomicBool>,
    keys: Option<JoinHandle<()>>,
    quit: Arc<Notify>,
}

impl Screen {
    /// Takes the terminal. Keys are read if stdin is one too.
    pub(super) fn enter() -> Screen {
        let stdin = std::io::stdin();
        let before = if stdin.is_terminal() { tcgetattr(&stdin).ok() } else { None };
        let (stop, quit) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let keys = before.clone().and_then(|mut unbuffered| {
            // Ctrl-C still signals. A read ends after a tenth of a second without a key.
            unbuffered.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
            for (place, value) in [(SpecialCharacterIndices::VMIN, 0), (SpecialCharacterIndices::VTIME, 1)] {
                *unbuffered.control_chars.get_mut(place as usize)? = value;
            }
            tcsetattr(&stdin, SetArg::TCSANOW, &unbuffered).ok()?;
            let (stop, quit) = (Arc::clone(&stop), Arc::clone(&quit));
            Some(std::thread::spawn(move || read_keys(&stop, &quit)))
        });
        write(ENTER);
        Screen { before, stop, keys, quit }
    }

    /// Columns and rows.
    pub(super) fn size() -> (usize, usize) {
        console::Term::stdout()
            .size_checked()
            .map_or(USUAL, |(rows, columns)| (usize::from(columns), usize::from(rows)))
    }

    /// Shows a frame in place of the last one.
    pub(super) fn show(frame: &[String]) {
        let lines = frame.join("\x1b[K\r\n");
        write(&format!("{BEGIN}{lines}\x1b[K{END}"));
    }

    /// Ends when the user asks to leave.
    pub(super) async fn left(&self) {
        self.quit.notified().await;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(keys) = self.keys.take() {
            // It only reads; a panic there would have shown already.
            keys.join().unwrap_or_default();
        }
        if let Some(before) = &self.before {
            // A terminal that is gone needs nothing back.
            tcsetattr(std::io::stdin(), SetArg::TCSANOW, before).unwrap_or_default();
        }
        write(LEAVE);
    }
}

fn write(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // A reader who went away is no error.
    write!(stdout, "{text}").and_then(|()| stdout.flush()).ok();
}

fn read_keys(stop: &AtomicBool, quit: &Notify) {
    let mut key = [0_u8];
    while !stop.load(Ordering::Relaxed) {
        match std::io::stdin().lock().read(&mut key) {
            Ok(1) if matches!(key, [b'q' | b'Q']) => quit.notify_one(),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
