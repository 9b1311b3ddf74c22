"""Uploads to W&B the rows of a run, or of a summary, that the server does not have, from its folder."""

import json
from pathlib import Path

from xinc_lightning.errors import UserError
from xinc_lightning.loggers.run_rows import rows_of, summary_row
from xinc_lightning.loggers.wandb_run import RECORD
from xinc_lightning.loggers.wandb_session import Destination, WandbSession, end_service, in_one_line
from xinc_lightning.runs.layout import SUMMARY


def send_run(run: Path) -> str:
    """Send a run's rows that its W&B server has not got, from its folder; returns the address of its page.

    Raises:
        UserError: if the folder does not say which run of W&B it is, or the server cannot be reached.
    """
    try:
        record = json.loads((run / RECORD).read_text("utf-8"))
        destination = Destination(**record["destination"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"'{run}' has no {RECORD}, which says which run of W&B it is; "
            f"`wandb sync {run / 'wandb' / '*run-*'}` may help."
        ) from None
    if destination.offset:
        raise UserError(
            f"'{run}' was begun by version 0.1, whose steps cannot be told from epochs: use `wandb sync`."
        )
    session = WandbSession(destination, str(run), init_timeout=30, finish_timeout=0)
    try:
        session.require_online(record["config"])
        summary = (run / SUMMARY).is_file()
        for row in [summary_row(run)] if summary else rows_of(run).values():
            session.log(row)
        for part in sorted((run / "wandb").glob("run-*")):
            session.add_media_of(part)
        finished = summary or (run / "report.json").is_file()
        code = record["exit_code"]
        session.finish((0 if finished else 1) if code is None else code)
    except Exception as error:
        end_service(session.run)
        raise UserError(f"'{run}' was not sent: {in_one_line(error)}") from error
    return session.address or ""
