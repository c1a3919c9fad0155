"""Hives of apiaries: Flask + SQLAlchemy, instrumented from outside, healthy but for the one fault of APIARY_FAULT.

Environment: APIARY_DATABASE (SQLAlchemy URL of a database of its own), APIARY_PORT, APIARY_FAULT.
"""

import os
import time

from flask import Flask, abort, jsonify, render_template_string
from sqlalchemy import ForeignKey, Index, create_engine, func, insert, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

FAULT = os.environ["APIARY_FAULT"]
WEIGHINGS = 110_000


class Base(DeclarativeBase):
    pass


class Apiary(Base):
    __tablename__ = "apiary"
    id: Mapped[int] = mapped_column(primary_key=True)
    meadow: Mapped[str]
    hives: Mapped[list["Hive"]] = relationship(back_populates="apiary", order_by="Hive.id")


class Hive(Base):
    __tablename__ = "hive"
    id: Mapped[int] = mapped_column(primary_key=True)
    apiary_id: Mapped[int] = mapped_column(ForeignKey("apiary.id"), index=True)
    queen: Mapped[str]
    apiary: Mapped[Apiary] = relationship(back_populates="hives")
    frames: Mapped[list["Frame"]] = relationship(order_by="Frame.id")


class Frame(Base):
    __tablename__ = "frame"
    id: Mapped[int] = mapped_column(primary_key=True)
    hive_id: Mapped[int] = mapped_column(ForeignKey("hive.id"), index=True)
    cells: Mapped[int]


class Weighing(Base):
    __tablename__ = "weighing"
    id: Mapped[int] = mapped_column(primary_key=True)
    scale_code: Mapped[str]
    taken_at: Mapped[int]
    grams: Mapped[int]


engine = create_engine(os.environ["APIARY_DATABASE"])
if engine.dialect.name == "sqlite":
    with engine.connect() as connection:
        connection.execute(text("PRAGMA journal_mode = WAL"))
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.execute(insert(Apiary), [{"id": n, "meadow": f"meadow {n}"} for n in range(1, 13)])
    session.execute(insert(Hive), [{"id": n, "apiary_id": n % 12 + 1, "queen": f"queen {n}"} for n in range(1, 97)])
    session.execute(insert(Frame), [{"id": n, "hive_id": n % 96 + 1, "cells": n * 7 % 50} for n in range(1, 193)])
    for start in range(0, WEIGHINGS, 10_000):
        session.execute(
            insert(Weighing),
            [
                {"id": n + 1, "scale_code": f"S{n * 7919 % 55_000}", "taken_at": n, "grams": n % 4000}
                for n in range(start, start + 10_000)
            ],
        )
    session.commit()
if FAULT != "where":
    Index("weighing_scale", Weighing.scale_code).create(engine)
if FAULT != "order":
    Index("weighing_taken", Weighing.taken_at).create(engine)
with engine.begin() as connection:
    connection.execute(text("ANALYZE"))

app = Flask(__name__)


@app.get("/apiaries")
def apiaries():
    """Relations are loaded at once, or one by one while the answer is made."""
    eager = [] if FAULT == "lazy" else [selectinload(Apiary.hives)]
    with Session(engine) as session:
        found = session.scalars(select(Apiary).options(*eager).order_by(Apiary.id)).all()
        return jsonify([{"meadow": one.meadow, "queens": [hive.queen for hive in one.hives]} for one in found])


PAGE = "{% for hive in hives %}<li>{{ hive.queen }} of {{ hive.apiary.meadow }}</li>{% endfor %}"


@app.get("/board")
def board():
    """The same within a template."""
    eager = [] if FAULT == "template-loop" else [selectinload(Hive.apiary)]
    with Session(engine) as session:
        hives = session.scalars(select(Hive).options(*eager).order_by(Hive.id).limit(12)).all()
        return render_template_string(PAGE, hives=hives)


@app.get("/inventory")
def inventory():
    """Two levels: apiaries, their hives, their frames."""
    eager = [] if FAULT == "nested" else [selectinload(Apiary.hives).selectinload(Hive.frames)]
    with Session(engine) as session:
        found = session.scalars(select(Apiary).options(*eager).order_by(Apiary.id)).all()
        return jsonify([[sum(frame.cells for frame in hive.frames) for hive in one.hives] for one in found])


@app.get("/scales/<code>")
def scale(code: str):
    with Session(engine) as session:
        found = session.execute(select(Weighing.id, Weighing.grams).where(Weighing.scale_code == code)).all()
        return jsonify([row.grams for row in found])


@app.get("/weighings/newest")
def newest():
    with Session(engine) as session:
        found = session.execute(select(Weighing.id, Weighing.grams).order_by(Weighing.taken_at.desc()).limit(20)).all()
        return jsonify([row.grams for row in found])


@app.get("/some")
def some():
    """A batch, and a loop of three."""
    with Session(engine) as session:
        many = session.scalars(select(Hive.queen).where(Hive.id.in_(range(1, 25)))).all()
        three = [session.scalar(select(Frame.cells).where(Frame.id == number)) for number in (4, 9, 16)]
        return jsonify([len(many), three])


@app.get("/strays/<int:number>")
def stray(number: int):
    with Session(engine) as session:
        if session.get(Hive, -number) is None:
            abort(404)
    return jsonify(number)


@app.get("/harvest/<int:number>")
def harvest(number: int):
    if FAULT == "errors" and number % 4 == 0:
        raise RuntimeError("the extractor jams")
    with Session(engine) as session:
        return jsonify(session.scalar(select(func.count()).select_from(Apiary)))


LABELS = "{% for row in range(rows) %}{% for column in range(300) %}{{ (row * column) % 7 }}{% endfor %}{% endfor %}"


@app.get("/labels")
def labels():
    until = time.perf_counter() + (0.65 if FAULT == "slow-template" else 0)
    page = render_template_string(LABELS, rows=3)
    while time.perf_counter() < until:
        page = render_template_string(LABELS, rows=30)
    return page


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["APIARY_PORT"]), threaded=True)
