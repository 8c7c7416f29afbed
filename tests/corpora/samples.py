"""Small files in each format, written for the tests."""

import os
from pathlib import Path

import pytest

posix = pytest.mark.skipif(os.name == "nt", reason="names, links and pipes of POSIX systems")

CONLLU = """\
# sent_id = 1
# text = Vámonos al mar, "hoy".
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tvmip1p0\tMood=Imp\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\tsps00\t_\t5\tcase\t_\t_
4\tel\tel\tDET\tda0ms0\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\tncms000\t_\t1\tobl\t_\tSpaceAfter=No
6\t,\t,\tPUNCT\tfc\t_\t7\tpunct\t_\t_
6.1\tvamos\tir\tVERB\t_\t_\t_\t_\t0:root\t_
7\t"\t"\tPUNCT\tfe\t_\t8\tpunct\t_\tSpaceAfter=No
8\thoy\thoy\t_\trg\t_\t1\tadvmod\t_\tSpaceAfter=No|Lang=es
9\t".\t".\tPUNCT\tfe\t_\t1\tpunct\t_\t_

# sent_id = 2
1-2\tdámelo\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tda\tdar\tVERB\tv\t_\t0\troot\t_\t_
2\tmelo\tyo\tPRON\tp\t_\t1\tobj\t_\t_
3\t20 000\t20 000\tNUM\tz\t_\t1\tobj\t_\t_

"""

CONLL2002 = """\
-DOCSTART- -DOCSTART- O

Sevilla NC B-LOC
espera VMI O
a SP O
José NP B-PER
Núñez\xa0II NP I-PER
. Fp O

Él PP O
calla VMI O
"""

CONLL2003 = """\
-DOCSTART- -X- -X- O

Ana NNP I-NP I-PER
Lee NNP I-NP I-PER
Bo NNP I-NP B-PER
met VBD I-VP O
Acme NNP I-NP I-ORG
Bonn NNP I-NP I-LOC
-DOCSTART- -X- O O
It PRP I-NP O
rained VBD I-VP O
"""

TWO_COLUMNS = "t ex\tO\nOslo\tB-LOC\nsier\tO\n\nKiwi-butikk\t-\n\u3000x\tO\n"

WIKIANN = "de::\tO\nde:Bad\tB-LOC\nde:Ems\tI-LOC\n\nde:http://x.de\tO\nde:lebt\tO\n"

UNER = """\
# newdoc id = 1
# sent_id = 1-1
# text = # Zen\xf3n z R\xedma\t!
1\t#\tO\t-\t-
2\tZen\xf3n\tB-PER\t-\tann
3\tz\tI-PER\t-\tann
4\tR\xedma\tI-PER\t-\tann

# sent_id = 1-2
1\t-\tO\t-\t-
"""

SEMEVAL = """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<Reviews>
  <Review rid="1">
    <sentences>
      <sentence id="1:0">
        <text>The cr\xe8me br\xfbl\xe9e &amp; the sushi-rolls were great.</text>
        <Opinions>
          <Opinion target="cr\xe8me br\xfbl\xe9e" category="FOOD#QUALITY" from="4" to="16"/>
          <Opinion target="cr\xe8me br\xfbl\xe9e" category="FOOD#PRICES" from="4" to="16"/>
          <Opinion target="br\xfbl\xe9e" category="FOOD#PRICES" from="10" to="16"/>
          <Opinion target="Sushi-roll" category="FOOD#QUALITY" from="23" to="33"/>
        </Opinions>
      </sentence>
      <sentence id="1:1" OutOfScope="TRUE">
        <text>We left.</text>
      </sentence>
      <sentence id="1:2">
        <text>Too loud!</text>
        <Opinions>
          <Opinion target="NULL" category="AMBIENCE#GENERAL" from="0" to="0"/>
        </Opinions>
      </sentence>
    </sentences>
  </Review>
</Reviews>
"""

TEXT = "Ein Satz .\n\n  Noch   einer\u2028hier .\n"


def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode(encoding))
    return path
