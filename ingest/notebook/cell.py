"""What a notebook shows below a cell: the report in a frame, and the result of an import with its link."""

import html
from dataclasses import dataclass

from ..filesystems import write_file
from ..results import Imported


@dataclass(frozen=True, slots=True, repr=False)
class CellReport:
    """A report as a complete HTML page in `page`. A notebook shows it in a frame that cannot reach the notebook."""

    title: str
    page: str
    height: int = 900

    def save(self, path: str) -> str:
        """Writes the report to a local HTML file. Returns its path.

        Raises:
            InputError: the file cannot be written.
        """
        return write_file(path, self.page.encode("utf-8", "replace"))

    def __repr__(self) -> str:
        return f"<report of {self.title}; save('report.html') writes it to a file>"

    def _repr_html_(self) -> str:
        """The page in a sandboxed frame. Its scripts run in an origin without access to the notebook."""
        return (
            f'<iframe sandbox="allow-scripts allow-popups" width="100%" height="{self.height}" frameborder="0" '
            f'title="{html.escape(self.title)}" srcdoc="{html.escape(self.page)}"></iframe>'
        )


@dataclass(frozen=True, slots=True, repr=False)
class CellImport:
    """The result of importing a session. `server_command` starts the page of a local store; None where a server does
    that."""

    imported: Imported
    server_command: str | None = None

    @property
    def url(self) -> str:
        """The address of the application's run."""
        return self.imported.published.url

    def __repr__(self) -> str:
        start = f"To open the page, start the server: {self.server_command}\n" if self.server_command else ""
        return f"{self._summary()}\n{start}{self.url}"

    def _repr_html_(self) -> str:
        """The result with a link."""
        start = (
            f"<br>To open the page, start the server: <code>{html.escape(self.server_command)}</code>"
            if self.server_command
            else ""
        )
        address = html.escape(self.url)
        return f'<p>{html.escape(self._summary())}. <a href="{address}" target="_blank">Open in MLflow</a>{start}</p>'

    def _summary(self) -> str:
        published = self.imported.published
        if published.state == "deleted":
            return f"{self.imported.app_id}: its runs were deleted in MLflow"
        if published.state != "written":
            return f"{self.imported.app_id}: up to date"
        return f"{self.imported.app_id}: {published.written:,} of {published.runs:,} runs written"
